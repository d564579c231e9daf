import { quietIo } from '../../../src/base/io.ts'
import type { BackupMeta, Generation } from '../../../src/databases/nebula/contract.ts'
import { backupCodecs } from '../../../src/databases/nebula/generations/backup-forms.ts'
import { thriftWriter } from '../../../src/databases/nebula/thrift/writer.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { type Files, fakeRocksDb } from './official/rocksdb-files.ts'

/** What the official BR leaves behind: files by their paths below BACKUP_x/, the `.meta` among them. */
export interface OfficialTree {
  readonly name: string
  readonly meta: BackupMeta
  readonly files: Files
}

export interface OfficialTreeOptions {
  readonly generation: Generation
  readonly name?: string
  readonly hosts?: readonly string[]
  readonly spaces?: Readonly<Record<number, string>>
  /** Of each storaged; 2.0 has one. */
  readonly dataPaths?: number
  /** As in HDFS: `<host>/<port>`. */
  readonly splitsPort?: boolean
  /** The RocksDB of a checkpoint. */
  readonly rocksDb?: (seed: string) => Files
  readonly framed?: boolean
}

export function metaBytes(meta: BackupMeta, framed = meta.generation !== '2.0'): Buffer {
  const writer = thriftWriter()
  backupCodecs[meta.generation].write(writer, meta)
  const bare = writer.done()
  const length = Buffer.alloc(framed ? 4 : 0)
  if (framed) length.writeUInt32BE(bare.length)
  return Buffer.concat([length, bare])
}

/** A backup as BR of that generation lays it out (specs/nebula.md §2.1, §2.2, §2.4). */
export function officialTree(options: OfficialTreeOptions): OfficialTree {
  const {
    generation,
    name = 'BACKUP_2021_07_16_02_39_04',
    hosts = ['192.168.8.1:9779', '192.168.8.2:9779'],
    spaces = { 1: 'nba', 7: 'football' },
    dataPaths = generation === '2.0' ? 1 : 2,
    splitsPort = false,
    rocksDb = seed => fakeRocksDb({ 9: `sst of ${seed}`, 12: `another sst of ${seed}` }),
    framed,
  } = options
  const files: Record<string, Uint8Array> = {}
  const top = generation.startsWith('3') ? 'data' : 'storage'
  const paths = Array.from({ length: dataPaths }, (_, index) => index)
  for (const host of hosts) {
    for (const [id, space] of Object.entries(spaces)) {
      for (const data of paths) {
        const at = splitsPort ? host.replace(':', '/') : host
        const below = generation === '2.0' ? id : `data${data}/${id}`
        const folder = `${top}/${at}/${below}`
        const rocks = Object.entries(rocksDb(`${space}${host}${data}`.replace(/[^a-z0-9]/g, '')))
        for (const [file, bytes] of rocks) files[`${folder}/data/${file}`] = bytes
        files[`${folder}/wal/${data + 1}/0000000000000000001.wal`] = Buffer.from(`log ${folder}`)
      }
    }
  }
  const meta: BackupMeta = {
    generation,
    name,
    metaFiles: ['__parts__.sst', '__spaces__.sst', '__users__.sst'],
    spaces: Object.entries(spaces).map(([id, space]) => ({
      id: Number(id),
      description: {
        name: space,
        partitions: 10,
        replicas: 1,
        charset: 'utf8',
        collate: 'utf8_bin',
        vidType: { type: 7, typeLength: 8 },
      },
      hosts: hosts.map(text => {
        const [host = '', port] = text.split(':')
        return {
          host: { host, port: Number(port) },
          checkpoints: paths.map(data => ({
            path: `/data/s${data}/nebula/${id}/checkpoints/${name}`,
            partitions:
              generation === '2.0'
                ? new Map()
                : new Map([[hosts.indexOf(text) + 1, { logId: 10n, termId: 2n }]]),
          })),
        }
      }),
    })),
    ...(generation === '2.0'
      ? {}
      : { full: true, allSpaces: true, createTimeMs: Date.UTC(2021, 6, 16, 2, 39, 5) }),
  }
  for (const file of meta.metaFiles) files[`meta/${file}`] = Buffer.from(`rows of ${file}`)
  files[`${name}.meta`] = metaBytes(meta, framed)
  return { name, meta, files }
}

/** Puts files of a tree below BACKUP_x/; those that `change` gives in place of theirs, or leaves out. */
export async function putTree(
  storage: Storage,
  { name, files }: Pick<OfficialTree, 'name' | 'files'>,
  change: Readonly<Record<string, Uint8Array | undefined>> = {},
): Promise<void> {
  for (const [path, bytes] of Object.entries({ ...files, ...change })) {
    if (bytes !== undefined) await storage.put(key(`${name}/${path}`), bytes, quietIo)
  }
}

/** All that a storage holds below a prefix, by key. */
export async function filesIn(storage: Storage, prefix = ''): Promise<Files> {
  const found: Record<string, Uint8Array> = {}
  for await (const object of storage.list(prefix, quietIo)) {
    found[object.key.slice(prefix.length)] = Buffer.from(await storage.get(object.key, quietIo))
  }
  return found
}
