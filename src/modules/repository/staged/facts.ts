import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { readStagedStates, type StagedState } from '../../../repository/restore/staged-state.ts'
import { type StageArgument, stageOf } from './stage-argument.ts'

/** What is on the disks of the hosts. */
export interface StagedFacts {
  readonly trees: readonly StagedState[]
}

/** Reads the records; nothing is asked where nothing was staged. */
export async function readStaged(
  hosts: readonly ReadOnlyHost[],
  stage: StageArgument,
  io: Io,
): Promise<StagedFacts> {
  return { trees: stage.id === '' ? [] : await readStagedStates(hosts, stageOf(stage), io) }
}

/** Targets by host, for results. */
export function targetsByHost(trees: readonly StagedState[]): Record<string, string[]> {
  const targets: Record<string, string[]> = {}
  for (const { host, paths } of trees) targets[host] = [...(targets[host] ?? []), paths.target]
  return targets
}
