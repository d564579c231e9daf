import { createHash } from 'node:crypto'
import { BkpError } from '../../base/errors.ts'

/** What every folder that holds staged or old trees begins with. */
export const holderPrefix = '.bkp-'

/** Where a target's staged and old trees lie, and the records of them. */
export interface StagingPaths {
  /** `children` where the target is a mount point: it cannot be renamed, what it holds can. */
  readonly layout: 'whole' | 'children'
  readonly target: string
  /** The folder of ours, 0700, on the target's file system. */
  readonly holder: string
  readonly staged: string
  /** While it is staged: empty files that have the attributes which those of the same name will get. */
  readonly attributes: string
  readonly old: string
  readonly stageRecord: string
  readonly swapRecord: string
}

/** Longest base name that stays readable in the holder's name, in bytes. */
const longestBaseBytes = 100

/** The id of the stage that a step of a run makes: the same when the run is resumed. */
export function stageId(run: string, step: string): string {
  return checkStageId(`${run}-${createHash('sha256').update(step).digest('hex').slice(0, 8)}`)
}

/** Whether a folder's name is one that `stagingPaths` makes of an id that `stageId` makes. */
export function isHolderName(name: string): boolean {
  return /^\.bkp-\d{8}_\d{6}-[0-9a-f]+-[0-9a-f]{8}(?:-|$)/s.test(name)
}

/** Checks a stage id: it becomes part of file names. @throws restore.target_invalid */
function checkStageId(id: string): string {
  if (/^[0-9A-Za-z][0-9A-Za-z_.-]{0,99}$/.test(id)) return id
  throw new BkpError('restore.target_invalid', `"${id}" is not the id of a stage`, {
    hint: 'hand over what repository.stage returned',
  })
}

/** Where a target is staged: beside it, or in it where it is a mount point. */
export function stagingPaths(
  id: string,
  target: string,
  layout: StagingPaths['layout'],
): StagingPaths {
  checkStageId(id)
  const cut = target.lastIndexOf('/')
  const parent = target.slice(0, cut)
  const base = target.slice(cut + 1)
  const holder =
    layout === 'children'
      ? `${target}/${holderPrefix}${id}`
      : `${parent}/${holderPrefix}${id}-${shortBase(base)}`
  return pathsIn(holder, target, layout)
}

/** The paths of a staged tree from what `repository.stage` returned of it. @throws restore.target_invalid */
export function stagedPaths(id: string, target: string, staged: string): StagingPaths {
  for (const layout of ['whole', 'children'] as const) {
    const paths = stagingPaths(id, target, layout)
    if (paths.staged === staged) return paths
  }
  throw new BkpError(
    'restore.target_invalid',
    `"${staged}" is not where stage ${id} puts "${target}"`,
    { hint: 'hand over what repository.stage returned' },
  )
}

function pathsIn(holder: string, target: string, layout: StagingPaths['layout']): StagingPaths {
  return Object.freeze({
    layout,
    target,
    holder,
    staged: `${holder}/new`,
    attributes: `${holder}/attributes`,
    old: `${holder}/old`,
    stageRecord: `${holder}/stage.json`,
    swapRecord: `${holder}/swap.json`,
  })
}

// A name of 255 bytes leaves no room for a prefix.
function shortBase(base: string): string {
  if (Buffer.byteLength(base) <= longestBaseBytes) return base
  return createHash('sha256').update(base).digest('hex').slice(0, 32)
}
