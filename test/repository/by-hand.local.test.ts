import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Geometry } from '../../src/repository/geometry.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import {
  backUp,
  backupOptions,
  type MemoryHost,
  memoryHost,
  quietIo,
  smallGeometry,
  testClock,
} from './support.ts'

/** Restores without bkp: by the text of bendsave.md, and by a checker that shares no code with us. */

let folder = ''
let host: MemoryHost
const names: string[] = []

const large = Uint8Array.from({ length: 1000 }, (_, i) => (i * i) % 251)
const odd = Buffer.from('new\nline "quoted" \\ \xff', 'latin1')

async function makeRepository(directory: string, geometry: Geometry): Promise<void> {
  const storage = createFileStorage({ directory })
  const clock = testClock()
  host = memoryHost('db1')
  host.set('large file', large)
  host.set('small', 'tiny bytes')
  host.set('small 2', 'more')
  host.set('empty', '')
  host.set('dir', '', { type: 'directory' })
  host.set('link', '', { type: 'symlink', symlinkTarget: Buffer.from('small') })
  host.set(odd, 'odd')
  for (let i = 0; i < 60; i += 1) host.set(`many${i}`, `${i}`)
  const options = { clock, geometry }
  names.length = 0
  names.push((await backUp(backupOptions(storage, [host], options), quietIo)).backup)
  // Later blocks get a generation.
  await storage.put('gc/2/plan' as never, Buffer.from('{"format":1}\nend 0\n'), quietIo)
  host.set('large file', Uint8Array.from(large).reverse())
  host.set('small', 'changed')
  clock.advance(5000)
  names.push((await backUp(backupOptions(storage, [host], options), quietIo)).backup)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bkp-by-hand-'))
  await makeRepository(join(folder, 'inline'), smallGeometry)
  await makeRepository(join(folder, 'listed'), {
    ...smallGeometry,
    blockBytes: 2048,
    inlineListBytes: 500,
  })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the shell blocks of bendsave.md one after the other, with other values in the first. */
async function follow(
  repository: string,
  values: { readonly BACKUP: string; readonly HOST: string; readonly FILE: string },
): Promise<{ readonly output: string; readonly restored: Buffer }> {
  const text = await readFile(join(repository, 'bendsave.md'), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(match => match[1] ?? '')
  expect(blocks.length).toBe(4)
  const first = Object.entries(values)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('')
  // The names a reader is told to edit are exactly those.
  expect([...(blocks[0] ?? '').matchAll(/^([A-Z]+)=/gm)].map(match => match[1])).toEqual(
    Object.keys(values),
  )
  const script = [first, ...blocks.slice(1), 'echo "OUT=$OUT"\n'].join('')
  const output = execFileSync('sh', ['-eu', '-c', script], {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder, LC_ALL: 'C' },
  })
  const out = /^OUT=(.*)$/m.exec(output)?.[1] ?? ''
  return { output, restored: await readFile(join(out, 'restored')) }
}

describe('bendsave.md', () => {
  for (const repository of ['inline', 'listed']) {
    it(`gives every kind of file back when its commands are followed (${repository})`, async () => {
      const [first = '', second = ''] = names
      const at = join(folder, repository)
      const get = (BACKUP: string, FILE: string) => follow(at, { BACKUP, HOST: 'db1', FILE })
      expect((await get(first, '/data/large file')).restored).toEqual(Buffer.from(large))
      const newer = await get(second, '/data/large file')
      expect(newer.restored).toEqual(Buffer.from(large).reverse())
      expect(newer.output).toContain(': OK')
      expect((await get(first, '/data/small')).restored.toString()).toBe('tiny bytes')
      expect((await get(second, '/data/small')).restored.toString()).toBe('changed')
      expect((await get(second, '/data/empty')).restored.length).toBe(0)
      const quoted = '/data/new\\nline \\"quoted\\" \\\\ \\377'
      expect((await get(second, quoted)).restored.toString()).toBe('odd')
      expect(newer.output).toContain('db1\t/data/link\tSYMLINK')
      expect(newer.output.split('\n').filter(line => line.startsWith('db1\t'))).toHaveLength(68)
    })
  }

  it('finds blocks that are not fanned out, as on S3', async () => {
    const flat = join(folder, 'flat')
    await cp(join(folder, 'inline'), flat, { recursive: true })
    for (const fan of await readdir(join(flat, 'data'))) {
      for (const name of await readdir(join(flat, 'data', fan))) {
        await rename(join(flat, 'data', fan, name), join(flat, 'data', name))
      }
      await rm(join(flat, 'data', fan), { recursive: true })
    }
    const values = { BACKUP: names[1] ?? '', HOST: 'db1', FILE: '/data/large file' }
    expect((await follow(flat, values)).restored).toEqual(Buffer.from(large).reverse())
  })

  it('says so when a block is damaged', async () => {
    const damaged = join(folder, 'damaged')
    await cp(join(folder, 'inline'), damaged, { recursive: true })
    for (const fan of await readdir(join(damaged, 'data'))) {
      for (const name of await readdir(join(damaged, 'data', fan))) {
        await writeFile(join(damaged, 'data', fan, name), 'x')
      }
    }
    const values = { BACKUP: names[0] ?? '', HOST: 'db1', FILE: '/data/large file' }
    expect((await follow(damaged, values)).output).toContain('is damaged')
  })
})

describe('the independent checker', () => {
  const checker = 'test/repository/checker.py'

  for (const repository of ['inline', 'listed']) {
    it(`rebuilds every file of every backup (${repository})`, async () => {
      const out = join(folder, `out-${repository}`)
      const output = execFileSync('python3', [checker, join(folder, repository), out], {
        encoding: 'utf8',
      })
      expect(output).toBe(names.map(name => `${name} COMPLETE 68\n`).join(''))
      const [first = '', second = ''] = names
      const read = (name: string, path: Buffer) =>
        readFile(Buffer.concat([Buffer.from(`${out}/${name}/db1/data/`), path]))
      expect(await read(first, Buffer.from('large file'))).toEqual(Buffer.from(large))
      expect(await read(second, Buffer.from('large file'))).toEqual(Buffer.from(large).reverse())
      expect((await read(second, odd)).toString()).toBe('odd')
    })
  }

  it('finds a flipped byte', async () => {
    const copy = join(folder, 'flipped')
    await cp(join(folder, 'inline'), copy, { recursive: true })
    const [fan = ''] = await readdir(join(copy, 'data'))
    const [name = ''] = await readdir(join(copy, 'data', fan))
    const path = join(copy, 'data', fan, name)
    const bytes = await readFile(path)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    await writeFile(path, bytes)
    expect(() => execFileSync('python3', [checker, copy], { stdio: 'pipe' })).toThrow(name)
  })

  it('stays small enough to be believed', async () => {
    expect((await readFile(checker, 'utf8')).split('\n').length).toBeLessThanOrEqual(101)
  })
})
