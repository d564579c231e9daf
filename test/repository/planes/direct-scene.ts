import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { type Io, quietIo } from '../../../src/base/io.ts'
import type { Host, Manner } from '../../../src/connection/contract.ts'
import { type ConnectionPoolOptions, createConnectionPool } from '../../../src/connection/pool.ts'
import { type BackupOptions, type BackupResult, backUp } from '../../../src/repository/backup.ts'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import type { Geometry } from '../../../src/repository/geometry.ts'
import { BackupFile_Type } from '../../../src/repository/manifest_pb.ts'
import { findPlane, openSource, type PlaneChoice } from '../../../src/repository/planes/choose.ts'
import { readFileContent, readFileEntries } from '../../../src/repository/read.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import { verify } from '../../../src/repository/verify.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { noteWindows } from './noted-windows.ts'
import { type Seen, startTransferServer, type TransferServer } from './transfers-server.ts'

/** A storage in memory that takes objects by URLs, too. */
export interface UrlStorage {
  readonly storage: Storage
  readonly server: TransferServer
  /** Keys that were put through the storage itself, from here. */
  readonly puts: string[]
  /** What the server says in place of taking an object. */
  refuse: (request: Seen, count: number) => number | undefined
  /** The sum it checks. */
  checks: 'sha256' | 'md5' | 'none'
  /** What it keeps of what was sent. */
  keep: (body: Buffer) => Buffer
}

export async function startUrlStorage(): Promise<UrlStorage> {
  const memory = createMemoryStorage()
  const puts: string[] = []
  let count = 0
  const server = await startTransferServer(async (request, response) => {
    if (request.method === 'HEAD') {
      response.writeHead(403).end()
      return
    }
    count += 1
    const refused = self.refuse(request, count)
    const sum = request.headers['x-sum']
    const kind = self.checks === 'md5' ? 'md5' : 'sha256'
    const isOther =
      sum !== undefined && sum !== createHash(kind).update(request.body).digest('base64')
    if (refused !== undefined || isOther) {
      response.writeHead(refused ?? 400).end('<Error><Code>Refused</Code></Error>')
      return
    }
    await memory.put(key(request.path.slice(1)), self.keep(request.body), quietIo)
    response.writeHead(200).end()
  })
  const self: UrlStorage = {
    server,
    puts,
    refuse: () => undefined,
    checks: 'sha256',
    keep: body => body,
    storage: {
      ...memory,
      capabilities: { ...memory.capabilities, presign: true },
      presignedOrigin: async () => new URL(server.presigned('/').url.reveal()).origin,
      put: async (name, bytes, io, sha256) => {
        puts.push(name)
        await memory.put(name, bytes, io, sha256)
      },
      presign: async ({ key: name, sha256, md5 }) => {
        const sum = { sha256, md5, none: undefined }[self.checks]
        const headers = sum === undefined ? {} : { 'x-sum': Buffer.from(sum).toString('base64') }
        return server.presigned(`/${name}`, { headers })
      },
    },
  }
  return self
}

/** This machine as hosts, and backups of folders on them by a plane. */
export interface DirectScene {
  readonly folder: string
  readonly hosts: readonly Host[]
  backUp(
    path: string,
    plane?: PlaneChoice,
    options?: Partial<BackupOptions>,
    io?: Io,
  ): Promise<BackupResult>
  /** Folders that hosts made for blocks and that are still there. */
  windows(): readonly string[]
  /** Path and sum of each file of the newest backup, every byte read. */
  contents(): Promise<Readonly<Record<string, string>>>
  close(): Promise<void>
}

export function makeDirectScene(
  storage: Storage,
  options: {
    readonly names?: readonly string[]
    readonly asHost?: (host: Host) => Host
    /** How hosts are reached; each is this machine by default. */
    readonly addresses?: ConnectionPoolOptions['addresses']
    readonly manner?: Manner
    readonly geometry?: Geometry
  } = {},
): DirectScene {
  const { names = ['here'], asHost = host => host, addresses, manner, geometry } = options
  const folder = mkdtempSync(join(tmpdir(), 'bkp-direct-'))
  let backups = 0
  const pool = createConnectionPool({
    addresses: addresses ?? {
      get: name => ({ name, transport: 'local', hostname: name }),
    },
    random: systemRandom,
    clock: systemClock,
  })
  const windows = noteWindows()
  const hosts = names.map(name => asHost(windows.note(pool.host(name, manner))))
  return {
    folder,
    hosts,
    backUp: async (path, plane = 'direct', more = {}, io = quietIo) => {
      backups += 1
      // A backup has the name of its second.
      const start = Date.UTC(2026, 10, 21, 10, backups)
      // Nobody waits for the pauses before further tries.
      const clock = { ...systemClock, now: () => new Date(start), sleep: async () => {} }
      const sources = await Promise.all(
        hosts.map(async host =>
          openSource(
            host,
            [{ root: Buffer.from('data'), source: Buffer.from(path), immutable: false }],
            await findPlane(plane, host, storage, io),
          ),
        ),
      )
      return await backUp(
        {
          storage,
          sources,
          clock,
          random: systemRandom,
          controller: 'test',
          toolVersion: '0',
          cluster: { kind: 'files', name: 'default' },
          acceptClock: true,
          ...(geometry === undefined ? {} : { geometry }),
          ...more,
        },
        io,
      )
    },
    windows: windows.left,
    contents: async () => {
      const repo = await openRepository(storage, quietIo)
      const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
      const found: Record<string, string> = {}
      for await (const file of readFileEntries(repo, backup, quietIo)) {
        if (file.type !== BackupFile_Type.FILE) continue
        const name = Buffer.from(file.path).toString('latin1').slice('data/'.length)
        // Reading a pack for each of its files takes long; the verification below reads it once.
        if (file.sha256.length > 0) {
          found[name] = Buffer.from(file.sha256).toString('hex')
          continue
        }
        const hash = createHash('sha256')
        for await (const part of readFileContent(repo, file, quietIo)) hash.update(part)
        found[name] = hash.digest('hex')
      }
      const { errors } = await verify(
        repo,
        { readData: true, clock: systemClock, random: systemRandom },
        quietIo,
      )
      if (errors.length > 0) throw new Error(`${errors[0]}`)
      return found
    },
    close: async () => {
      await pool.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Path and sum of each file below a folder. */
export function sumsBelow(folder: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  const look = (above: Buffer, relative: Buffer): void => {
    for (const entry of readdirSync(above, { withFileTypes: true, encoding: 'buffer' })) {
      const slash = Buffer.from('/')
      const path = Buffer.concat([above, slash, entry.name])
      const name = Buffer.concat([relative, entry.name])
      if (entry.isDirectory()) look(path, Buffer.concat([name, slash]))
      if (!entry.isFile()) continue
      const sum = createHash('sha256').update(readFileSync(path)).digest('hex')
      found[name.toString('latin1')] = sum
    }
  }
  look(Buffer.from(folder), Buffer.alloc(0))
  return found
}
