import { BkpError } from '../../../base/errors.ts'
import type { FileFacts } from '../../../connection/probes.ts'
import type { Change, Decision } from '../../contract.ts'
import { attributeCommands, compareAttributes } from '../files/attributes.ts'
import { isPresent } from '../files/facts.ts'
import { foretellNew } from '../files/foretell.ts'
import { differencesOf } from '../unarchiving/pending.ts'
import {
  type ArchiveAnswers,
  type ArchiveArguments,
  comparison,
  destOf,
  isBelow,
  isForetold,
  type Packing,
  packingOf,
} from './request.ts'

export interface ArchiveResult {
  readonly dest: string
  readonly state: 'archive' | 'compress' | 'incomplete' | 'absent'
  readonly arcroot?: string
  readonly archived?: string[]
  readonly missing?: string[]
  readonly size?: number
}

export function archiveResult({ dest, single, root, paths, missing }: Packing): ArchiveResult {
  const complete = single === undefined ? 'archive' : 'compress'
  return {
    dest,
    state: missing.length > 0 ? 'incomplete' : complete,
    arcroot: root,
    archived: [...paths],
    missing: [...missing],
  }
}

function normalName(name: string): string {
  return name.replace(/^(\.\/)+/, '')
}

/** True where the archive that is there holds the files as they are, and nothing else. */
export function holdsTheSame(
  packing: Packing,
  facts: Pick<ArchiveAnswers, 'archive' | 'tree' | 'same'>,
): boolean {
  if (packing.single !== undefined) return facts.same === true
  const { archive, tree } = facts
  if (archive?.kind !== 'present' || tree === undefined) return false
  if (archive.format !== packing.format || differencesOf(archive).length > 0) return false
  const held = new Set(archive.members.map(({ name }) => normalName(name)))
  return held.size === tree.length && tree.every(name => held.has(name))
}

/** What may not be removed once it is packed. @throws step.failed */
function refuseRemoval(args: ArchiveArguments, { dest, paths }: Packing): void {
  if (args.remove !== true) return
  const refused = (message: string, hint: string) => new BkpError('step.failed', message, { hint })
  if (args.exclude_path !== undefined) {
    throw refused(
      'remove with exclude_path would remove what is not in the archive',
      'remove what you do not need with file, state: absent',
    )
  }
  for (const path of paths) {
    if (isBelow(dest, path)) {
      throw refused(`${dest} lies in ${path}, which would be removed`, 'put the archive elsewhere')
    }
    if (path.lastIndexOf('/') === 0) {
      throw refused(`${path} is not removed: it stands in the root folder`, 'leave remove out')
    }
  }
}

function refuseObstacle(dest: string, there: FileFacts): void {
  if (there.kind !== 'directory' && there.kind !== 'other') return
  const what = there.kind === 'directory' ? 'a folder' : 'neither a file nor a folder'
  throw new BkpError('step.failed', `${dest} is ${what}`, {
    hint: 'give the name of the archive in dest',
  })
}

/** The second round: the archive that is there, where there is one. @throws step.failed */
export function secondQuestions(
  args: ArchiveArguments,
  facts: ArchiveAnswers,
): ReturnType<typeof comparison> {
  const packing = packingOf(args, facts)
  if (packing === undefined || facts.dest?.kind !== 'file') return {}
  return comparison(packing)
}

function nothingThere(
  args: ArchiveArguments,
  facts: ArchiveAnswers,
): Decision<ArchiveAnswers, ArchiveResult> {
  const dest = destOf(args)
  if (args.remove === true && dest !== undefined && facts.dest?.kind === 'file') {
    const message = `all of it is packed and gone: ${dest} is there`
    return { kind: 'unchanged', result: { dest, state: 'absent' }, message }
  }
  if (dest !== undefined && isForetold(args, facts)) {
    const notes = ['what is there by then']
    const changes = [{ action: 'create', target: dest, notes }] as const
    return { kind: 'change', changes, after: {}, result: { dest }, certainty: 'maybe' }
  }
  const named = typeof args.path === 'string' ? args.path : args.path.join(', ')
  throw new BkpError('step.failed', `there is nothing to pack: ${named}`, {
    hint: 'path takes whole paths and globs of the host',
  })
}

function removals(args: ArchiveArguments, { paths, dest }: Packing): readonly Change[] {
  if (args.remove !== true) return []
  const notes = [`once it is in ${dest}`]
  return paths.map(path => ({ action: 'delete', target: path, destructive: true, notes }))
}

/** Pure. @throws step.failed */
export function planArchive(
  args: ArchiveArguments,
  facts: ArchiveAnswers,
): Decision<ArchiveAnswers, ArchiveResult> {
  const packing = packingOf(args, facts)
  if (packing === undefined) return nothingThere(args, facts)
  const there = facts.dest ?? { kind: 'absent' }
  refuseObstacle(packing.dest, there)
  refuseRemoval(args, packing)
  const { dest, paths } = packing
  const result = archiveResult(packing)
  const isSame = isPresent(there) && holdsTheSame(packing, facts)
  const attributes = isPresent(there) ? compareAttributes(there, args) : undefined
  const gone = removals(args, packing)
  if (isSame && gone.length === 0 && attributes !== undefined) {
    const size = isPresent(there) ? { size: there.sizeBytes } : {}
    if (attributes.notes.length === 0) return { kind: 'unchanged', result: { ...result, ...size } }
    const commands = attributeCommands(dest, args, attributes)
    const change: Change = { action: 'update', target: dest, commands, notes: attributes.notes }
    return { kind: 'change', changes: [change], after: {}, result }
  }
  const shown = paths.length > 5 ? [...paths.slice(0, 5), `and ${paths.length - 5} more`] : paths
  const action = isPresent(there) ? 'update' : 'create'
  const pack: Change = { action, target: dest, notes: shown }
  return {
    kind: 'change',
    changes: [pack, ...gone],
    after: { dest: foretellNew('file', { wanted: args, before: there }) },
    result,
    ...(gone.length > 0 ? { opaque: true } : {}),
  }
}
