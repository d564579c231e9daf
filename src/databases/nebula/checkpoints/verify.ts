import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { type FileFacts, file, type SearchFacts, searchTree } from '../../../connection/probes.ts'
import { findFaults, type Listing, listingOf } from './rocksdb.ts'
import type { ReportedPath, Wanted, WantedCheckpoint } from './wanted.ts'

/** A checkpoint that is whole. */
export interface WholeCheckpoint extends WantedCheckpoint {
  /** All of its files, logs of partitions too. */
  readonly bytes: number
  readonly ssts: number
  /** SSTs that are hard links: the others were copied, or the live one is compacted away by now. */
  readonly linked: number
}

/** What a look at the checkpoints of one host came to. */
export interface Verified {
  readonly whole: readonly WholeCheckpoint[]
  /** What is missing or damaged, in words: host, path and what. */
  readonly problems: readonly string[]
}

/**
 * Looks whether the checkpoints of one host are whole: in every data path in which the space has data
 * there is one, and it holds what its MANIFEST names. Paths that metad named must be among them, under
 * whatever name. @throws ssh.*, file.unreadable
 */
export async function verifyCheckpoints(
  host: ReadOnlyHost,
  { checkpoints, reported }: Wanted,
  io: Io,
): Promise<Verified> {
  const wanted = checkpoints.filter(each => each.host === host.name)
  const named = reported.filter(each => each.host === host.name)
  if (wanted.length === 0) return { whole: [], problems: [] }
  const answers = await host.ask(
    {
      ...probesOf('dir', wanted, ({ path }) => file(path)),
      ...probesOf('live', wanted, ({ live }) => file(live, { follow: true })),
      ...probesOf('tree', wanted, ({ path }) => searchTree(path)),
      ...probesOf('real', wanted, ({ path }) => file(path, { follow: true })),
      ...probesOf('named', named, ({ path }) => file(path, { follow: true })),
    },
    io,
  )
  const whole: WholeCheckpoint[] = []
  const problems: string[] = []
  const there: { readonly at: WantedCheckpoint; readonly facts: FileFacts }[] = []
  for (const [index, at] of wanted.entries()) {
    const dir = answers[`dir${index}`] as FileFacts
    const live = answers[`live${index}`] as FileFacts
    if (dir.kind === 'absent' && live.kind === 'absent') continue
    if (dir.kind !== 'directory') {
      problems.push(`${host.name}: ${at.path} is ${dir.kind}, and ${at.live} has data`)
      continue
    }
    there.push({ at, facts: answers[`real${index}`] as FileFacts })
    const listing = listingOf(at.path, answers[`tree${index}`] as SearchFacts)
    const faults = await findFaults(host, listing, io)
    if (faults.length > 0) {
      problems.push(...faults.map(fault => `${host.name}: ${at.path}: ${fault}`))
      continue
    }
    whole.push({ ...at, ...countsOf(listing) })
  }
  for (const [index, of] of named.entries()) {
    const facts = answers[`named${index}`] as FileFacts
    if (!there.some(each => isSame(each, of, facts)))
      problems.push(misplaced(host.name, of, wanted))
  }
  return { whole, problems }
}

function probesOf<T, P>(
  prefix: string,
  of: readonly T[],
  probe: (each: T) => P,
): Readonly<Record<string, P>> {
  return Object.fromEntries(of.map((each, index) => [`${prefix}${index}`, probe(each)]))
}

/** 2.1 and later name real paths: a symlink in `--data_path` gives a folder two names (§2.0). */
function isSame(
  { at, facts: there }: { readonly at: WantedCheckpoint; readonly facts: FileFacts },
  { address, space, path }: ReportedPath,
  facts: FileFacts,
): boolean {
  if (at.address !== address || at.space !== space) return false
  if (at.path === path) return true
  if (there.kind !== 'directory' || facts.kind !== 'directory') return false
  return there.inode === facts.inode && there.mtimeNs === facts.mtimeNs
}

function misplaced(host: string, of: ReportedPath, wanted: readonly WantedCheckpoint[]): string {
  const places = wanted
    .filter(({ address, space }) => address === of.address && space === of.space)
    .map(({ path }) => path)
  return `${host}: storaged ${of.address} says ${of.path}, which is none of ${places.join(', ')} (data_dirs, path_map)`
}

function countsOf({ files }: Listing): Pick<WholeCheckpoint, 'bytes' | 'ssts' | 'linked'> {
  const ssts = [...files].filter(([name]) => name.endsWith('.sst')).map(([, each]) => each)
  return {
    bytes: [...files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ssts: ssts.length,
    linked: ssts.filter(({ hardLinks }) => hardLinks > 1).length,
  }
}
