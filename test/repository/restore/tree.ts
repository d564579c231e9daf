import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'

/** A path below a folder, as bytes: names need not be UTF-8. */
export function at(folder: string | Buffer, name: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name)])
}

/** Names that break what treats names as words, lines or text. */
export const oddNames: readonly Buffer[] = [
  'new\nline',
  'quote\'s "both" `tick` $(id)',
  'space at end ',
  '-rf',
  '--help',
  'back\\slash',
  'star*?[a]',
  '..dots',
  '.hidden',
  'ünïcode-日本',
  'x'.repeat(255),
]
  .map(name => Buffer.from(name))
  .concat([Buffer.from([0x66, 0xff, 0xfe, 0x6f])])

/** A tree with all that a backup must bring back. */
export function makeOddTree(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [index, name] of oddNames.entries()) {
    writeFileSync(at(folder, name), `content ${index}`)
    utimesNs(at(folder, name), 1_700_000_000_000_000_000n + BigInt(index) * 1_001n)
  }
  mkdirSync(at(folder, 'empty folder'))
  mkdirSync(at(folder, 'deep/er/still'), { recursive: true })
  for (const name of oddNames)
    mkdirSync(at(at(folder, 'deep'), Buffer.concat([name.subarray(0, 250), Buffer.from('.d')])))
  writeFileSync(at(folder, 'empty file'), '')
  writeFileSync(at(folder, 'deep/er/still/file'), 'below')
  writeFileSync(at(folder, 'large'), Buffer.alloc(3_000_000, 'large '))
  writeFileSync(at(folder, 'locked'), 'no one may read')
  writeFileSync(at(folder, 'open'), 'everyone may write')
  symlinkSync('nowhere', at(folder, 'dangling'))
  symlinkSync('/etc/passwd', at(folder, 'absolute'))
  symlinkSync('..', at(folder, 'deep/up'))
  chmodSync(at(folder, 'locked'), 0o000)
  chmodSync(at(folder, 'open'), 0o777)
  chmodSync(at(folder, 'empty folder'), 0o2750)
  utimesNs(at(folder, 'large'), 1_600_000_000_123_456_789n)
  utimesNs(at(folder, 'deep/er/still'), 1_500_000_000_000_000_001n)
  utimesNs(at(folder, 'deep'), 1_500_000_001_999_999_999n)
  lutimesSync(at(folder, 'dangling'), 1_400_000_000, 1_400_000_000)
}

/** Sets an mtime to the nanosecond, which node cannot. */
export function utimesNs(path: Buffer, nanoseconds: bigint): void {
  const seconds = nanoseconds / 1_000_000_000n
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0')
  // Node's argument lists are UTF-8: the name travels escaped. It must not end in a newline.
  const escaped = [...path].map(byte => `\\0${byte.toString(8).padStart(3, '0')}`).join('')
  const script = 'touch -h -d "$1" -- "$(printf %b "$2")"'
  execFileSync('sh', ['-c', script, 'touch', `@${seconds}.${fraction}`, escaped])
}

export interface Snapshot {
  readonly [path: string]: string
}

/** A tree as text, one line an entry: type, mode, mtime in ns, owner, content or target. */
export function snapshot(
  folder: string | Buffer,
  options: { readonly rootTime?: boolean } = {},
): Snapshot {
  const lines: Record<string, string> = Object.create(null)
  const visit = (path: Buffer, relative: string): void => {
    const stat = lstatSync(path, { bigint: true })
    const time = relative === '' && options.rootTime === false ? '' : `${stat.mtimeNs}`
    const common = `${(stat.mode & 0o7777n).toString(8)} ${time} ${stat.uid}:${stat.gid}`
    if (stat.isDirectory()) {
      lines[relative] = `dir ${common}`
      for (const name of readdirSync(path, { encoding: 'buffer' })) {
        visit(at(path, name), `${relative}/${name.toString('latin1')}`)
      }
    } else if (stat.isSymbolicLink()) {
      lines[relative] =
        `link ${stat.mtimeNs} ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`
    } else {
      const sum = createHash('sha256').update(readFileSync(path)).digest('hex')
      lines[relative] = `file ${common} ${stat.size} ${sum}`
    }
  }
  visit(Buffer.from(folder), '')
  return lines
}
