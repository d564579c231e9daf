import { isRecord } from '../../base/json.ts'
import type { StagingPaths } from './staging.ts'

/** What `stage.json` says; with `complete: false` it only marks the folder as ours. */
export interface StageRecord {
  readonly id: string
  /** Name of the backup. */
  readonly backup: string
  /** Id of the repository. */
  readonly repository: string
  readonly run: string
  readonly target: string
  readonly complete: boolean
  /** Inode of the staged tree's root, once complete: another one is not what was staged. */
  readonly inode: string
}

/** Where a swap stands; `staged` where none has begun. See `move-script.ts`. */
export type SwapState =
  | 'staged'
  | 'moving-old'
  | 'moving-new'
  | 'swapped'
  | 'returning-new'
  | 'returning-old'
  | 'reverted'
  | 'discarding'

/** What `swap.json` says, beside its state. */
export interface SwapRecord {
  readonly stage: string
  readonly target: string
  /** Where the old tree lies; nothing is there if there was none. */
  readonly old: string
  readonly run: string
  /** ISO 8601: until then the old tree is meant to stay. */
  readonly keep_until: string
}

const recordVersion = 1

/** The bytes of a stage record. */
export function encodeStageRecord(record: StageRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify({ version: recordVersion, ...record })}\n`)
}

/** A stage record, or nothing where the bytes are none: whoever may write there may have cut them. */
export function parseStageRecord(bytes: Uint8Array): StageRecord | undefined {
  const value = parseJson(bytes)
  if (!isRecord(value) || value['version'] !== recordVersion) return undefined
  const { id, backup, repository, run, target, complete, inode } = value
  return typeof id === 'string' &&
    typeof backup === 'string' &&
    typeof repository === 'string' &&
    typeof run === 'string' &&
    typeof target === 'string' &&
    typeof complete === 'boolean' &&
    typeof inode === 'string'
    ? { id, backup, repository, run, target, complete, inode }
    : undefined
}

/** What follows the state in a swap record: the script writes the state in front of it. */
export function swapRecordTail(record: SwapRecord): string {
  const { stage, target, old, run, keep_until } = record
  return JSON.stringify({ version: recordVersion, stage, target, old, run, keep_until }).slice(1)
}

const swapStates: readonly SwapState[] = [
  'staged',
  'moving-old',
  'moving-new',
  'swapped',
  'returning-new',
  'returning-old',
  'reverted',
  'discarding',
]

/** A swap record and its state, or nothing where the bytes are none. */
export function parseSwapRecord(
  bytes: Uint8Array,
): (SwapRecord & { readonly state: SwapState }) | undefined {
  const value = parseJson(bytes)
  if (!isRecord(value) || value['version'] !== recordVersion) return undefined
  const { stage, target, old, run, keep_until } = value
  const state = swapStates.find(known => known === value['state'])
  return state !== undefined &&
    typeof stage === 'string' &&
    typeof target === 'string' &&
    typeof old === 'string' &&
    typeof run === 'string' &&
    typeof keep_until === 'string'
    ? { state, stage, target, old, run, keep_until }
    : undefined
}

/** The arguments of the move script for one tree. */
export function moveArguments(paths: StagingPaths, tail: string): readonly string[] {
  return [paths.layout, paths.target, paths.holder, tail]
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
