import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { escapeControls } from '../../../base/text.ts'
import type { ArchiveFacts } from '../../../connection/probes.ts'
import type { Decision } from '../../contract.ts'
import { whyNotRun } from '../running/guards.ts'
import { type Pending, pendingOf } from './pending.ts'
import { folderOf, type UnarchiveAnswers, type UnarchiveArguments } from './request.ts'

export interface UnarchiveResult {
  readonly dest: string
  readonly src: string
  /** False where all of it was there. */
  readonly unpacked: boolean
  readonly handler?: string
  readonly files?: string[]
}

/** Ansible's names for how an archive is packed. */
const handlers = {
  tar: 'TarArchive',
  gz: 'TgzArchive',
  bz2: 'TarBzipArchive',
  xz: 'TarXzArchive',
  zst: 'TarZstdArchive',
  zip: 'ZipArchive',
} as const

/** Lines of differences that a plan shows. */
const shownDifferences = 10

export function unarchiveResult(
  args: UnarchiveArguments,
  facts: Extract<ArchiveFacts, { kind: 'present' }>,
  unpacked: boolean,
): UnarchiveResult {
  return {
    dest: folderOf(args),
    src: args.src,
    unpacked,
    handler: handlers[facts.format],
    ...(args.list_files === true ? { files: facts.members.map(({ name }) => name) } : {}),
  }
}

function notes({ unpack, adjust }: Pending): readonly string[] {
  const lines = unpack
    .slice(0, shownDifferences)
    .map(line => escapeControls(line, { newlines: false }))
  const rest = unpack.length - lines.length
  return [
    ...lines,
    ...(rest > 0 ? [`and ${rest} more`] : []),
    ...(adjust.length > 0 && unpack.length === 0
      ? [`${adjust.length} with another owner, group or mode`]
      : []),
  ]
}

/** @throws step.failed where there is no folder to unpack into */
export function requireFolder(args: UnarchiveArguments, facts: UnarchiveAnswers): void {
  if (facts.dest.kind === 'directory') return
  const what = facts.dest.kind === 'absent' ? 'is not there' : 'is no folder'
  throw new BkpError('step.failed', `${args.dest} ${what}`, {
    hint: `make it first: file: { path: ${folderOf(args)}, state: directory }`,
  })
}

/** Pure. @throws step.failed */
export function planUnarchive(
  args: UnarchiveArguments,
  facts: UnarchiveAnswers,
): Decision<UnarchiveAnswers, UnarchiveResult> {
  const { src } = args
  const dest = folderOf(args)
  const why = whyNotRun(args.creates === undefined ? {} : { creates: args.creates }, facts)
  if (why !== undefined) {
    const message = `not unpacked, since ${why}`
    return { kind: 'unchanged', result: { dest, src, unpacked: false }, message }
  }
  requireFolder(args, facts)
  if (facts.archive === undefined) {
    // What is in it, and how it compares, the host's own tools tell once it is there.
    const change = {
      action: 'update',
      target: dest,
      notes: [`what ${posix.basename(src)} holds, where it differs`],
    } as const
    return {
      kind: 'change',
      changes: [change],
      after: {},
      result: { dest, src },
      certainty: 'maybe',
      opaque: true,
    }
  }
  const pending = pendingOf(args, facts.archive)
  const isDone = pending.unpack.length === 0 && pending.adjust.length === 0
  const result = unarchiveResult(args, pending.facts, !isDone)
  if (isDone) return { kind: 'unchanged', result }
  const bytes = pending.facts.members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return {
    kind: 'change',
    changes: [{ action: 'update', target: dest, bytes, notes: notes(pending) }],
    after: {},
    result,
    // The files it makes are not foretold one by one.
    opaque: true,
  }
}
