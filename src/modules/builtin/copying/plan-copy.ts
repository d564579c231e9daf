import { createHash } from 'node:crypto'
import { BkpError } from '../../../base/errors.ts'
import { mask, Secret } from '../../../base/secret.ts'
import type { FileFacts } from '../../../connection/probes.ts'
import type { Change, Decision, LocalFile } from '../../contract.ts'
import { refuseAbove } from '../files/above.ts'
import {
  type AttributeDifference,
  attributeCommands,
  attributesDiff,
  compareAttributes,
} from '../files/attributes.ts'
import { type Described, describe, isOpen, isPresent, knownPart } from '../files/facts.ts'
import { foretellAttributes, foretellNew } from '../files/foretell.ts'
import {
  type CopyAnswers,
  type CopyArguments,
  diffLimitBytes,
  placesOf,
  type Spot,
  spotOf,
  wantedBytes,
} from './request.ts'

export type CopyResult = {
  readonly dest: string
  readonly checksum: string
  readonly src?: string
  readonly backup_file?: string
} & Described

/** The mode of a file that is new and for which none was asked. */
export const newFileMode = '0644'

/** The sha256 of bytes, in hex. */
export function checksumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What copying comes to, for plan and apply alike. */
export type CopyWork =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'attributes'; readonly difference: AttributeDifference }
  | { readonly kind: 'write'; readonly mode: string; readonly unsure: boolean }

/** @throws step.failed when something else is in the way, or there is no folder to write in */
function refuseObstacles(args: CopyArguments, spot: Spot, facts: CopyAnswers): void {
  if (spot.file.kind === 'directory' || spot.file.kind === 'other') {
    const what = spot.file.kind === 'directory' ? 'a folder' : 'neither a file nor a folder'
    throw new BkpError('step.failed', `${spot.path} is ${what}`, {
      hint: 'nothing was touched; correct dest, or remove what is there first',
    })
  }
  if (spot.keys[0] === 'inside') return
  if (facts.followed?.kind === 'directory') {
    throw new BkpError('step.failed', `${spot.path} is a symlink to a folder`, {
      hint: 'nothing was touched; correct dest, or remove the symlink first',
    })
  }
  const { parent } = facts
  const { parent: folder, makesFolder } = placesOf(args)
  if (parent.kind === 'file' || parent.kind === 'other') {
    throw new BkpError('step.failed', `${folder} is not a folder`, { hint: 'correct dest' })
  }
  if (parent.kind === 'absent' && !makesFolder) {
    throw new BkpError('step.failed', `there is no folder ${folder} to write in`, {
      hint: `make it first: file: { path: ${folder}, state: directory }`,
    })
  }
  refuseAbove(spot.path, facts)
}

function sameContent(spot: Spot, bytes: Uint8Array): boolean {
  if (spot.file.kind !== 'file') return false
  const size: unknown = spot.file.sizeBytes
  if (!isOpen(size) && size !== bytes.byteLength) return false
  return size === 0 || spot.digest === checksumOf(bytes)
}

/** Decides what is to be done. @throws step.failed */
export function decideCopy(
  args: CopyArguments,
  spot: Spot,
  facts: CopyAnswers,
  bytes: Uint8Array,
): CopyWork {
  if (args.force === false && isPresent(spot.file)) return { kind: 'nothing' }
  refuseObstacles(args, spot, facts)
  if (spot.file.kind === 'file' && sameContent(spot, bytes)) {
    const difference = compareAttributes(spot.file, args)
    return difference.notes.length === 0 ? { kind: 'nothing' } : { kind: 'attributes', difference }
  }
  // A file keeps its mode; a symlink's says nothing of the file that replaces it.
  const kept = spot.file.kind === 'file' && !isOpen(spot.file.mode) ? spot.file.mode : newFileMode
  const unsure = spot.file.kind === 'file' && isOpen(spot.file.sizeBytes)
  return { kind: 'write', mode: args.mode ?? kept, unsure }
}

/** Text fit to be shown, or nothing: binary, too large, secret. */
function showable(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.byteLength > diffLimitBytes || bytes.includes(0))
    return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** A secret is in the content: neither it nor its digest is told. */
function isHidden(args: CopyArguments): boolean {
  return args.content instanceof Secret || args.hidden === true
}

function difference(args: CopyArguments, spot: Spot, bytes: Uint8Array): Pick<Change, 'diff'> {
  if (isHidden(args)) return { diff: { before: mask, after: mask } }
  const known = spot.content?.truncated === true ? undefined : spot.content?.bytes
  const before = spot.file.kind === 'file' ? showable(known) : ''
  const after = showable(bytes)
  return before === undefined || after === undefined ? {} : { diff: { before, after } }
}

function writeNotes(args: CopyArguments, spot: Spot, parent: FileFacts): readonly string[] {
  return [
    ...(spot.file.kind === 'file' ? compareAttributes(spot.file, args).notes : []),
    ...(spot.file.kind === 'symlink' ? [`replaces the symlink to ${spot.file.target}`] : []),
    ...(args.validate === undefined ? [] : [`only if this succeeds: ${args.validate}`]),
    ...(args.backup === true && isPresent(spot.file) ? ['keeps a copy of the old file'] : []),
    ...(parent.kind === 'absent' ? [`makes ${placesOf(args).parent} too`] : []),
  ]
}

/** Pure. @throws step.failed */
export function planCopy(
  args: CopyArguments,
  facts: CopyAnswers,
  local: readonly LocalFile[] | undefined,
): Decision<CopyAnswers, CopyResult> {
  const bytes = wantedBytes(args, local)
  const spot = spotOf(args, facts)
  const checksum = checksumOf(bytes)
  const work = decideCopy(args, spot, facts, bytes)
  const [fileKey, digestKey, contentKey] = spot.keys
  const named = { dest: spot.path, ...(args.src === undefined ? {} : { src: args.src }) }
  if (work.kind === 'nothing') {
    // With force: false the file that is kept may hold something else.
    const held = args.force === false ? (spot.digest ?? '') : checksum
    return { kind: 'unchanged', result: { ...named, checksum: held, ...describe(spot.file) } }
  }
  if (work.kind === 'attributes' && isPresent(spot.file)) {
    const foretold = foretellAttributes(spot.file, args)
    const commands = attributeCommands(spot.path, args, work.difference)
    const { notes } = work.difference
    return {
      kind: 'change',
      changes: [
        {
          action: 'update',
          target: spot.path,
          commands,
          notes,
          diff: attributesDiff(spot.file, foretold),
        },
      ],
      after: { [fileKey]: foretold },
      result: knownPart({ ...named, checksum, ...describe(foretold) }),
      ...(work.difference.unsure ? { certainty: 'maybe' } : {}),
    }
  }
  const mode = work.kind === 'write' ? work.mode : newFileMode
  const foretold = foretellNew('file', {
    wanted: { ...args, mode },
    sizeBytes: bytes.byteLength,
    ...(spot.file.kind === 'file' ? { before: spot.file } : {}),
  })
  const notes = writeNotes(args, spot, facts.parent)
  return {
    kind: 'change',
    changes: [
      {
        action: isPresent(spot.file) ? 'update' : 'create',
        target: spot.path,
        bytes: bytes.byteLength,
        ...difference(args, spot, bytes),
        ...(notes.length === 0 ? {} : { notes }),
      },
    ],
    after: {
      [fileKey]: foretold,
      [digestKey]: checksum,
      [contentKey]: {
        bytes: bytes.subarray(0, diffLimitBytes),
        truncated: bytes.byteLength > diffLimitBytes,
      },
      ...(facts.parent.kind === 'absent'
        ? { parent: foretellNew('directory', { wanted: {} }) }
        : {}),
    },
    ...(isHidden(args) ? {} : { binding: { sha256: checksum } }),
    result: knownPart({ ...named, checksum, ...describe(foretold) }),
    ...(work.kind === 'write' && work.unsure ? { certainty: 'maybe' } : {}),
  }
}
