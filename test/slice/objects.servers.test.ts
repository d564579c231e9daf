import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRun, until } from '../faults/live-run.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { type S3Watch, watchS3 } from '../servers/s3-watch.ts'
import { startVersitygw } from '../servers/versitygw.ts'
import { makeWorkspace, type Workspace } from './bkp.ts'

const playbook = (name: string): string =>
  fileURLToPath(new URL(`../../playbooks/objects/${name}.yml`, import.meta.url))

let server: S3Server
let watch: S3Watch
let workspace: Workspace

/** More than one block of the format, each another. */
const large = Buffer.alloc(9 * 1024 * 1024)
for (let at = 0; at < large.length; at += 4) large.writeUInt32LE(at, at)

const first: Readonly<Record<string, string | Buffer>> = {
  '1/10/_b/large.parquet': large,
  '1/10/_b/ with space +%41?&=.parquet': 'odd',
  '1/10/_ss/größe_日本.mpk': 'snapshot',
  '1/10/empty': '',
  ...Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`1/11/_b/block${i}.parquet`, `block ${i}`.repeat(9)]),
  ),
}

async function put(bucket: string, name: string, body: string | Buffer): Promise<void> {
  await server.client.send(
    new PutObjectCommand({ Bucket: bucket, Key: name, Body: Buffer.from(body) }),
  )
}

/** All objects of a bucket, and the sums of their bytes. */
async function contentOf(bucket: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: server.client },
    { Bucket: bucket },
  )) {
    for (const { Key = '' } of Contents) {
      const { Body } = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key }))
      found[Key] = sum((await Body?.transformToByteArray()) ?? '')
    }
  }
  return found
}

function sum(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

beforeAll(async () => {
  server = await startVersitygw()
  watch = await watchS3(server)
  workspace = makeWorkspace()
  for (const bucket of ['lake', 'pond']) {
    await server.client.send(new CreateBucketCommand({ Bucket: bucket }))
  }
  for (const [name, body] of Object.entries(first)) await put('lake', name, body)
  // As consoles make them.
  await put('lake', 'folder/', '')
  const secret = (name: string, text: string): object => {
    const file = join(workspace.folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return { file }
  }
  const s3 = {
    type: 's3',
    region: 'us-east-1',
    endpoint: watch.endpoint,
    credentials: {
      access_key_id: secret('id', server.accessKeyId),
      secret_access_key: secret('key', server.secretAccessKey),
    },
  }
  const inventory = {
    all: { hosts: { here: { ansible_connection: 'local' } } },
    clusters: { warehouse: { kind: 'files', hosts: 'here', sources: ['lake'] } },
    storages: {
      lake: { ...s3, bucket: 'lake' },
      pond: { ...s3, bucket: 'pond' },
      vault: { ...s3, bucket: server.bucket, prefix: 'objects' },
      whole: { ...s3, bucket: server.bucket },
    },
  }
  writeFileSync(workspace.inventory, JSON.stringify(inventory))
})
afterAll(async () => {
  workspace?.remove()
  await watch?.stop()
  await server?.stop()
})

/** Runs bkp on a playbook; what it asked the server for is in the watch then. */
async function run(command: string, name: string, ...words: string[]) {
  return await bkp(command, playbook(name), '-i', workspace.inventory, ...words)
}

/** Not while this process waits: the watch is in it. */
async function bkp(...words: string[]) {
  watch.asked.length = 0
  const { ended, output } = startRun(workspace, words)
  const { status } = await ended
  return { status, output: output() }
}

const writes = (): readonly string[] => watch.asked.filter(line => !/^(GET|HEAD) /.test(line))
const readOf = (bucket: string): readonly string[] =>
  watch.asked.filter(line => line.startsWith(`GET /${bucket}/`) && line !== `GET /${bucket}/`)

describe('objects of one bucket, backed up into another, restored into a third', () => {
  it('plans without writing, then stores all of them', async () => {
    const planned = await run('plan', 'backup')
    expect(planned.status, planned.output).toBe(0)
    expect(planned.output).toContain('44 files')
    expect(writes()).toEqual([])
    expect(readOf('lake')).toEqual([])
    const dry = await run('run', 'backup', '--dry-run')
    expect(dry.status, dry.output).toBe(0)
    expect(writes()).toEqual([])
    const done = await run('run', 'backup')
    expect(done.status, done.output).toBe(0)
    expect(writes().filter(line => !line.includes(` /${server.bucket}/`))).toEqual([])
    expect(await contentOf('lake')).toMatchObject({ '1/10/empty': sum('') })
  })

  it('reads only what changed', async () => {
    await put('lake', '1/11/_b/block7.parquet', 'written anew')
    await put('lake', '1/12/_b/new.parquet', 'new')
    await server.client.send(
      new DeleteObjectCommand({ Bucket: 'lake', Key: '1/11/_b/block8.parquet' }),
    )
    const done = await run('run', 'backup')
    expect(done.status, done.output).toBe(0)
    expect([...readOf('lake')].sort()).toEqual([
      'GET /lake/1/11/_b/block7.parquet',
      'GET /lake/1/12/_b/new.parquet',
    ])
    const verified = await bkp('verify', 'vault', '-i', workspace.inventory, '--read-data')
    expect(verified.status, verified.output).toBe(0)
  })

  it('is killed while it restores, and goes on when it is run again', async () => {
    await put('pond', 'stranger', 'not of the backup')
    const words = ['-e', 'to=pond', '-e', '{"delete_extra": true}']
    const planned = await run('plan', 'restore', ...words)
    expect(planned.status, planned.output).toBe(0)
    expect(writes()).toEqual([])
    const refused = await run('run', 'restore', ...words)
    expect(refused.status, refused.output).toBe(8)
    expect(writes()).toEqual([])

    const restore = [playbook('restore'), '-i', workspace.inventory, ...words]
    let puts = 0
    watch.stalls = line => {
      if (line.startsWith('PUT /pond/')) puts += 1
      return puts > 5
    }
    const killed = startRun(workspace, ['run', ...restore, '--confirm=warehouse'])
    await until('it puts objects', () => puts > 5, { context: killed.output })
    killed.signal('SIGKILL')
    await killed.ended
    watch.stalls = undefined
    const half = Object.keys(await contentOf('pond'))
    expect(half).toContain('stranger')
    expect(half.length).toBeLessThan(Object.keys(first).length)

    const done = await run('run', 'restore', ...words, '--confirm=warehouse')
    expect(done.status, done.output).toBe(0)
    const { 'folder/': marker, ...lake } = await contentOf('lake')
    expect(marker).toBe(sum(''))
    expect(await contentOf('pond')).toEqual(lake)
    expect(lake).toMatchObject({ '1/10/_b/large.parquet': sum(large) })

    const again = await run('run', 'restore', ...words, '--confirm=warehouse')
    expect(again.status, again.output).toBe(0)
    expect(writes()).toEqual([])
    // The etag of one that was written in parts is not the md5 of its content.
    expect(new Set(readOf('pond'))).toEqual(new Set(['GET /pond/1/10/_b/large.parquet']))
  })

  it('goes into a folder, and back into a backup', async () => {
    const folder = join(workspace.folder, 'lake')
    mkdirSync(folder)
    const to = ['-e', `to=file://${folder}`]
    const done = await run('run', 'restore', ...to, '--confirm=warehouse')
    expect(done.status, done.output).toBe(0)
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry =>
      entry.isFile(),
    )
    const found = files.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(folder.length + 1), sum(readFileSync(path))] as const
    })
    expect(Object.fromEntries(found)).toEqual(await contentOf('pond'))
    const sources = ['-e', JSON.stringify({ backup_sources: [`file://${folder}`] })]
    const stored = await run('run', 'backup', ...sources)
    expect(stored.status, stored.output).toBe(0)
    // The blocks of the large one are there already: a pack of small ones and a list are new.
    expect(writes().filter(line => line.includes('/data/'))).toHaveLength(2)
    const refused = await run('plan', 'restore', '-e', 'to=whole')
    expect(refused.status, refused.output).toBe(2)
    expect(refused.output).toContain('overlap: a restore would write into it')
  })
})
