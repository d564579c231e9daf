import * as Type from 'typebox'
import { isRecord } from '../../../base/json.ts'
import type { FoundCheckpoint } from '../../../databases/nebula/checkpoints/find.ts'
import type { SnapshotRow } from '../../../databases/nebula/contract.ts'
import { checkpointKind, isCheckpointName } from '../../../databases/nebula/layout.ts'

/** The part of a result of `nebula.snapshots` that says what there was. */
export interface SinceArgument {
  readonly snapshots: readonly { readonly name: string }[]
  readonly on_disk: readonly { readonly name: string }[]
}

const named = {
  type: 'array',
  items: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
} as const

/** What `nebula.snapshots` returned before something was made; open, as registered results are. */
export function sinceArgument(description: string) {
  return Type.Unsafe<SinceArgument>({
    type: ['object'],
    properties: { snapshots: named, on_disk: named },
    required: ['snapshots', 'on_disk'],
    description,
  })
}

/** All names there were, on disks too: 2.x has no row of a backup that is being made (§2.0, 7). */
export function namesThen({ snapshots, on_disk }: SinceArgument): ReadonlySet<string> {
  return new Set([...snapshots, ...on_disk].map(({ name }) => name))
}

/** Names of a kind that were not there then, in order. */
export function newSince(
  then: ReadonlySet<string>,
  kind: 'backup' | 'snapshot',
  now: { readonly rows: readonly SnapshotRow[]; readonly found: readonly FoundCheckpoint[] },
): readonly string[] {
  const names = new Set([...now.rows, ...now.found].map(({ name }) => name))
  return [...names].filter(name => checkpointKind(name) === kind && !then.has(name)).sort()
}

/** The name in what a step registered; undefined where it failed too early to have one. */
export function nameIn(created: unknown): string | undefined {
  const name = isRecord(created) ? created['name'] : undefined
  return typeof name === 'string' && isCheckpointName(name) ? name : undefined
}

/** Whether a step that failed has said that nothing of it is left: what it had done was undone. */
export function isSettled(created: unknown): boolean {
  return isRecord(created) && created['settled'] === true
}
