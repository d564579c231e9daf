import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { createS3Storage } from '../../src/storage/s3/s3.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { startVersitygw } from '../servers/versitygw.ts'
import { backUp, backupOptions, memoryHost, quietIo } from './support.ts'

const run = promisify(execFile)
let server: S3Server
let folder = ''

beforeAll(async () => {
  server = await startVersitygw()
  folder = await mkdtemp(join(tmpdir(), 'bkp-by-hand-s3-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** The fenced blocks of that language. */
function fenced(text: string, language: string): readonly string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return [...blocks].map(([, block]) => block ?? '')
}

it('bendsave.md, followed literally, gets a file back from S3 with sh, curl, dd, sha256sum and protoc', async () => {
  const large = Uint8Array.from({ length: 1000 }, (_, at) => (at * at) % 251)
  const host = memoryHost('db1')
  host.set('large file', large)
  host.set('small', 'tiny bytes')
  const storage = createS3Storage(server.place('by-hand/'))
  const { backup } = await backUp(backupOptions(storage, [host], { clock: systemClock }), quietIo)
  const text = Buffer.from(await storage.get('bendsave.md' as never, quietIo)).toString()
  const keys = join(folder, 'keys')
  await writeFile(keys, `user = "${server.accessKeyId}:${server.secretAccessKey}"\n`, {
    mode: 0o600,
  })
  const [, tools = '', ...rest] = fenced(text, 'sh')
  const [onS3 = ''] = fenced(text, 'text')
  // The first line of each holds the reader's own values.
  const [given = '', ...get] = onS3.split('\n')
  const named = [...given.matchAll(/(\w+)=/g)].map(([, name]) => name)
  expect(named).toEqual(['URL', 'REGION', 'KEYS'])
  const follow = async (file: string): Promise<Buffer> => {
    const script = [
      `URL=${server.endpoint}/${server.bucket}/by-hand REGION=us-east-1 KEYS=${keys}`,
      `BACKUP=${backup} HOST=db1 FILE='${file}'`,
      // The tools need `get` for the schema already: on S3 it stands where theirs stood.
      tools.replace(/^get\(\) \{.*?^\}$/ms, get.join('\n')),
      ...rest,
      'echo "OUT=$OUT"',
    ].join('\n')
    const { stdout } = await run('sh', ['-eu', '-c', script], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder, LC_ALL: 'C' },
    })
    return await readFile(join(/^OUT=(.*)$/m.exec(stdout)?.[1] ?? '', 'restored'))
  }
  expect(await follow('/data/large file')).toEqual(Buffer.from(large))
  expect((await follow('/data/small')).toString()).toBe('tiny bytes')
})
