import { resolve } from 'node:path'
import { structuredPatch } from 'diff'
import { BkpError } from '../../base/errors.ts'
import type { SourceDocument } from '../../runbook/contract.ts'
import { type PlannedFile, sha256 } from './format.ts'
import { matchesMasked } from './masked.ts'

/** The files a plan is made from, secrets covered. One that was read twice is kept once. */
export function plannedFiles(
  documents: readonly SourceDocument[],
  redact: (text: string) => string,
): readonly PlannedFile[] {
  const byPath = new Map(documents.map(({ path, text }) => [path, redact(text)]))
  return [...byPath].map(([path, text]) => ({ path, sha256: sha256(text), text }))
}

/** Where the paths of either side begin, when they are relative. */
interface Sides {
  readonly approved: { readonly directory: string; readonly documents: readonly PlannedFile[] }
  readonly now: { readonly directory: string; readonly documents: readonly PlannedFile[] }
}

/**
 * Compares what the plan was made from with what it would be made from now.
 * @throws run.plan_stale with a unified difference of each file
 */
export function requireSameDocuments({ approved, now }: Sides): void {
  const before = byPlace(approved)
  const after = byPlace(now)
  const faults: BkpError[] = []
  for (const [place, file] of before) {
    const current = after.get(place)
    if (current === undefined) faults.push(stale(`${file.path} is no part of it any more`))
    else if (!matchesMasked(file.text, current.text))
      faults.push(stale(differenceOf(file, current)))
  }
  for (const [place, file] of after) {
    if (!before.has(place)) faults.push(stale(`${file.path} is part of it now`))
  }
  if (faults.length === 0) return
  const files = faults.length === 1 ? 'a file' : `${faults.length} files`
  throw new BkpError(
    'run.plan_stale',
    `${files} changed since the plan was made; nothing was done`,
    {
      faults,
      hint: 'make a new plan with bkp plan --out, and have that one approved',
    },
  )
}

function byPlace(side: Sides['now']): ReadonlyMap<string, PlannedFile> {
  const placeOf = (path: string): string =>
    // `host1,host2` names hosts, no file.
    path.includes(',') ? path : resolve(side.directory, path)
  return new Map(side.documents.map(file => [placeOf(file.path), file]))
}

function stale(message: string): BkpError {
  return new BkpError('run.plan_stale', message)
}

/** Lines shown of one file; a reader who needs more has both versions. */
const mostLines = 60
const mostEdits = 2000

function differenceOf({ path, text }: PlannedFile, now: PlannedFile): string {
  const options = { context: 2, maxEditLength: mostEdits }
  const patch = structuredPatch(path, path, text, now.text, '', '', options)
  if (patch === undefined) return `${path} is another file altogether`
  const lines = patch.hunks.flatMap(hunk => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ])
  const first = patch.hunks[0]
  const line = (first?.newStart ?? 1) + leadingContext(first?.lines ?? [])
  const more = lines.length - mostLines
  return [
    `${path} differs from line ${line} on`,
    '--- when the plan was made',
    '+++ now',
    ...lines.slice(0, mostLines),
    ...(more > 0 ? [`... ${more} more lines`] : []),
  ].join('\n')
}

function leadingContext(lines: readonly string[]): number {
  const index = lines.findIndex(line => !line.startsWith(' '))
  return Math.max(0, index)
}
