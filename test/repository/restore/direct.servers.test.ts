import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { type Io, quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { type ConnectionPool, createConnectionPool } from '../../../src/connection/pool.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import { backup } from '../../../src/modules/repository/backup.ts'
import { stage } from '../../../src/modules/repository/stage.ts'
import { swap } from '../../../src/modules/repository/swap.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createS3Storage } from '../../../src/storage/s3/s3.ts'
import { applyAt, makeSite, planAt } from '../../modules/repository/site.ts'
import { makeNamespaces, type Namespaces } from '../../servers/namespaces.ts'
import type { S3Server } from '../../servers/s3-server.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../../servers/sshd.ts'
import { startVersitygw } from '../../servers/versitygw.ts'
import { makeOddTree, snapshot } from './tree.ts'

let network: Namespaces
let server: S3Server
let servers: SshdHosts
let pool: ConnectionPool
let host: Host
let folder: string
let storage: Storage
/** Blocks that came through this process. */
let relayed: string[]
let next: (step: string) => WritableSite
let scenes = 0

const mebibyte = 1024 * 1024

beforeAll(async () => {
  network = makeNamespaces(['alpha'])
  server = await startVersitygw(network.bridgeAddress)
  servers = await startSshd({ names: ['alpha'], network })
})
afterAll(async () => {
  await servers?.stop()
  await server?.stop()
  network?.stop()
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'direct-'))
  pool = createConnectionPool({
    addresses: new Map([['alpha', servers.address('alpha')]]),
    random: systemRandom,
    clock: systemClock,
  })
  host = pool.host('alpha')
  scenes += 1
  relayed = []
  const s3 = createS3Storage(server.place(`direct-${scenes}`))
  storage = {
    ...s3,
    get: async (key, io, range, buffer) => {
      if (key.startsWith('data/')) relayed.push(key)
      return await s3.get(key, io, range, buffer)
    },
  }
  makeSiteOf(host)
})
afterEach(async () => {
  await pool.close()
  rmSync(folder, { recursive: true, force: true })
})

function makeSiteOf(used: Host): void {
  const made = makeSite({ hosts: [used], storage })
  // The storage has a clock of its own, which is right.
  next = step => {
    const site = made.next(step)
    return { ...site, run: { ...site.run, clock: systemClock } }
  }
}

const source = (): string => join(folder, 'source')
const target = (): string => join(folder, 'target')
/** The host's own memory, as this process sees it. */
const memory = (): string => `/proc/${servers.hosts[0]?.pid}/root/dev/shm`
const windows = (): readonly string[] =>
  readdirSync(memory()).filter(name => /^bkp-\w{10}$/.test(name))

async function backUp(): Promise<void> {
  const paths = [{ path: source(), as: 'tree' }]
  await applyAt(next('backup'), backup, { storage: 'vault', plane: 'relay', paths })
  relayed.length = 0
}

const stageArguments = (more: Partial<Parameters<typeof stage.plan>[0]['args']> = {}) => ({
  storage: 'vault',
  path_map: { tree: target() },
  ...more,
})

async function notes(): Promise<readonly string[]> {
  const planned = await planAt(next('stage'), stage, stageArguments())
  return planned.kind === 'change' ? planned.changes.flatMap(change => change.notes ?? []) : []
}

/** Waits until something is so, and what is waited for has not ended. */
async function until(isSo: () => boolean, unless: Promise<unknown>): Promise<void> {
  let over = false
  void unless.then(
    () => {
      over = true
    },
    () => {
      over = true
    },
  )
  while (!isSo()) {
    if (over) throw new Error('it ended before')
    await sleep(5)
  }
}

describe('a host behind ssh gets its blocks from S3 by itself', () => {
  it('byte for byte: large, packed, empty, and of any name', async () => {
    makeOddTree(source())
    writeFileSync(join(source(), 'of blocks'), randomBytes(17 * mebibyte + 5))
    await backUp()
    expect(await notes()).toContain('plane direct: the host reaches the storage')
    relayed.length = 0
    const staged = await applyAt(next('stage'), stage, stageArguments())
    expect(relayed).toEqual([])
    await applyAt(next('swap'), swap, { stage: staged })
    expect(snapshot(target())).toEqual(snapshot(source()))
    await until(() => windows().length === 0, new Promise(() => {}))
  })

  it('refuses a flipped block before the swap', async () => {
    mkdirSync(source())
    writeFileSync(join(source(), 'file'), randomBytes(9 * mebibyte))
    await backUp()
    // The first block of the file: lists of the backup are blocks, too, and smaller.
    let block = ''
    for await (const { key, sizeBytes } of storage.list('data/', quietIo)) {
      if (sizeBytes === 8 * mebibyte) block = key
    }
    const bytes = Buffer.from(await storage.get(block as Parameters<Storage['get']>[0], quietIo))
    bytes[4711] = (bytes[4711] ?? 0) ^ 1
    const { bucket, prefix } = server.place(`direct-${scenes}`)
    await server.client.send(
      new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${block}`, Body: bytes }),
    )
    relayed.length = 0
    await expect(applyAt(next('stage'), stage, stageArguments())).rejects.toMatchObject({
      code: 'repository.block_corrupt',
    })
    expect(relayed).toEqual([])
    expect(readdirSync(folder)).toEqual(['source'])
    await until(() => windows().length === 0, new Promise(() => {}))
  })

  it('goes through this process where the host has no curl, and the plan says so', async () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    for (const name of [...readdirSync('/usr/bin'), ...readdirSync('/bin')]) {
      const link = join(bin, name)
      if (name !== 'curl' && !existsSync(link)) symlinkSync(join('/usr/bin', name), link)
    }
    makeSiteOf(pool.host('alpha', { environment: { PATH: bin } }))
    makeOddTree(source())
    await backUp()
    expect(await notes()).toContain('plane relay: alpha has no curl')
    const direct = planAt(next('stage'), stage, stageArguments({ plane: 'direct' }))
    await expect(direct).rejects.toMatchObject({ code: 'repository.plane_unavailable' })
    const staged = await applyAt(next('stage'), stage, stageArguments())
    expect(relayed).not.toEqual([])
    await applyAt(next('swap'), swap, { stage: staged })
    expect(snapshot(target())).toEqual(snapshot(source()))
  })

  /** Begins a restore that takes long, and waits until its blocks come. */
  async function beginSlowly(io: Io): Promise<{ readonly ended: Promise<unknown> }> {
    mkdirSync(source())
    writeFileSync(join(source(), 'file'), randomBytes(9 * mebibyte))
    await backUp()
    const slow = stageArguments({ bandwidth: 256 * 1024 })
    const ended = applyAt(next('stage'), stage, slow, io).catch(error => error)
    const isComing = (): boolean =>
      windows().some(name => readdirSync(join(memory(), name)).length > 0)
    await until(isComing, ended)
    return { ended }
  }

  /** What the processes of the host show. */
  function shownOnHost(): readonly string[] {
    const pids = execFileSync('ip', ['netns', 'pids', network.host('alpha').namespace], {
      encoding: 'utf8',
    })
    return pids
      .split('\n')
      .filter(Boolean)
      .flatMap(pid => {
        try {
          return ['cmdline', 'environ'].map(what => readFileSync(`/proc/${pid}/${what}`, 'latin1'))
        } catch {
          // It has ended since.
          return []
        }
      })
  }

  it('leaves nothing in its memory when it is cancelled, and shows no URL meanwhile', async () => {
    const stop = new AbortController()
    const { ended } = await beginSlowly({ ...quietIo, signal: stop.signal })
    let shown: readonly string[] = []
    await until(() => {
      shown = shownOnHost()
      return shown.some(text => text.startsWith('curl\0-q'))
    }, ended)
    const secrets = [server.secretAccessKey, server.accessKeyId, 'X-Amz-Signature', '/data/']
    expect(shown.filter(text => secrets.some(secret => text.includes(secret)))).toEqual([])
    stop.abort()
    await ended
    await until(() => windows().length === 0, new Promise(() => {}))
    expect(existsSync(target())).toBe(false)
  })

  it('leaves nothing in its memory when the connection breaks', async () => {
    const { ended } = await beginSlowly(quietIo)
    for (const pid of connectionsOf(servers, 'alpha')) process.kill(pid, 'SIGKILL')
    expect(await ended).toMatchObject({ code: 'ssh.lost' })
    await until(() => windows().length === 0, new Promise(() => {}))
    expect(existsSync(target())).toBe(false)
  })
})
