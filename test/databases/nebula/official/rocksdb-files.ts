import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32c, maskCrc } from '../../../../src/databases/nebula/official/crc32c.ts'

/** Files of a folder, by name. */
export type Files = Readonly<Record<string, Uint8Array>>

export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Buffer.from(bytes)
}
const sized = (text: string): Buffer => Buffer.concat([varint(text.length), Buffer.from(text)])

/** A fragment of a record with its header. */
export function fragment(type: number, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.of(type), data])
  const header = Buffer.alloc(6)
  header.writeUInt32LE(maskCrc(crc32c(body)))
  header.writeUInt16LE(data.length, 4)
  return Buffer.concat([header, body])
}

/** Records as RocksDB's log has them: cut at blocks of 32 KiB. */
export function logOf(records: readonly Uint8Array[]): Buffer {
  const block = 32 * 1024
  const parts: Buffer[] = []
  let at = 0
  const add = (bytes: Buffer): void => {
    parts.push(bytes)
    at = (at + bytes.length) % block
  }
  for (const record of records) {
    let rest = Buffer.from(record)
    for (let first = true; first || rest.length > 0; first = false) {
      if (block - at < 7) add(Buffer.alloc(block - at))
      const taken = rest.subarray(0, block - at - 7)
      rest = rest.subarray(taken.length)
      const last = rest.length === 0
      add(fragment(first ? (last ? 1 : 2) : last ? 4 : 3, taken))
    }
  }
  return Buffer.concat(parts)
}

/** kNewFile4: what RocksDB writes today. */
export function newFile(number: number, sizeBytes: number, level = 0): Buffer {
  const custom = [varint(6), sized('time'), varint(1)]
  return Buffer.concat([
    ...[103, level, number, sizeBytes].map(varint),
    sized('smallest'),
    sized('largest'),
    ...[1, 2].map(varint),
    ...custom,
  ])
}
export function deletedFile(number: number, level = 0): Buffer {
  return Buffer.concat([6, level, number].map(varint))
}
export const comparator: Uint8Array = Buffer.concat([
  varint(1),
  sized('leveldb.BytewiseComparator'),
])

/** A `data` folder with these SSTs; their bytes are no real ones. */
export function fakeRocksDb(ssts: Readonly<Record<number, string>>): Files {
  const entries = Object.entries(ssts)
  return {
    CURRENT: Buffer.from('MANIFEST-000005\n'),
    'MANIFEST-000005': logOf([
      comparator,
      Buffer.concat(entries.map(([number, bytes]) => newFile(Number(number), bytes.length))),
    ]),
    'OPTIONS-000007': Buffer.from('[Version]\n'),
    ...Object.fromEntries(
      entries.map(([number, bytes]) => [`${number.padStart(6, '0')}.sst`, Buffer.from(bytes)]),
    ),
  }
}

/** A checkpoint of a real RocksDB with this many rows, by `ldb`. */
export function realRocksDb(seed: string, rows: number): Files {
  const folder = mkdtempSync(join(tmpdir(), 'bkp-rocksdb-'))
  try {
    const ldb = (words: readonly string[], input = ''): void =>
      void execFileSync('ldb', [`--db=${folder}/db`, ...words], { input, stdio: 'pipe' })
    for (const part of [1, 2, 3]) {
      const lines = Array.from(
        { length: rows },
        (_, row) => `${seed}${part}${String(row).padStart(6, '0')} ==> ${seed} ${row * part}\n`,
      )
      ldb(['--create_if_missing', 'load'], lines.join(''))
    }
    ldb(['compact'])
    ldb(['put', `${seed}9`, 'last'])
    ldb(['checkpoint', `--checkpoint_dir=${folder}/checkpoint`])
    const names = readdirSync(join(folder, 'checkpoint'))
    return Object.fromEntries(
      names.map(name => [name, readFileSync(join(folder, 'checkpoint', name))]),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
