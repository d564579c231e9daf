import type { FileFacts } from '../../../connection/probes.ts'
import { Unknown } from '../../../expression/unknown.ts'
import type { Attributes } from './attributes.ts'
import { isPresent, normalMode, type PresentFacts } from './facts.ts'

/** In place of a fact that only the host can settle. */
function later<T>(what: string): T {
  // The contract of plan says that foretold facts may hold an Unknown, whatever their type.
  return new Unknown(what) as T
}

/** A user or group as it will be: asked for by name or number, kept, or the connection's own. */
function principal(
  wanted: string | number | undefined,
  kept: { readonly name: string; readonly id: number } | undefined,
  what: string,
): { readonly name: string; readonly id: number } {
  if (wanted === undefined) return kept ?? { name: later(what), id: later(what) }
  const numeric = /^\d+$/.test(String(wanted))
  if (kept !== undefined && (numeric ? kept.id === Number(wanted) : kept.name === wanted)) {
    return kept
  }
  return numeric
    ? { name: later(what), id: Number(wanted) }
    : { name: String(wanted), id: later(what) }
}

/** What `before` becomes when it is kept and given these attributes. */
export function foretellAttributes(before: PresentFacts, wanted: Attributes): PresentFacts {
  const owner = principal(wanted.owner, { name: before.user, id: before.uid }, 'owner')
  const group = principal(wanted.group, { name: before.group, id: before.gid }, 'group')
  return {
    ...before,
    mode: wanted.mode === undefined ? before.mode : normalMode(wanted.mode),
    user: owner.name,
    uid: owner.id,
    group: group.name,
    gid: group.id,
  }
}

/** What stands at a path after something of this kind was made there. */
export function foretellNew(
  kind: 'file' | 'directory' | 'symlink',
  options: {
    readonly wanted: Attributes
    readonly sizeBytes?: number
    readonly target?: string
    /** What was there: a file that is replaced keeps what is not asked for. */
    readonly before?: FileFacts
  },
): PresentFacts {
  const { wanted, before } = options
  const kept = before !== undefined && isPresent(before) ? before : undefined
  const owner = principal(wanted.owner, kept && { name: kept.user, id: kept.uid }, 'owner')
  const group = principal(wanted.group, kept && { name: kept.group, id: kept.gid }, 'group')
  return {
    kind,
    sizeBytes: options.sizeBytes ?? later('size'),
    mode: wanted.mode === undefined ? (kept?.mode ?? later('mode')) : normalMode(wanted.mode),
    user: owner.name,
    uid: owner.id,
    group: group.name,
    gid: group.id,
    mtimeNs: later('mtime'),
    inode: later('inode'),
    hardLinks: kind === 'directory' ? later('links') : 1,
    ...(options.target === undefined ? {} : { target: options.target }),
  }
}
