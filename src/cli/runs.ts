import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asBkpError, type BkpError, exitCodes } from '../base/errors.ts'
import { quietIo } from '../base/io.ts'
import { byCode } from '../base/text.ts'
import type { RunEvent } from '../events/events.ts'
import { readStoredRun } from '../execute/journal.ts'
import { holderOfRun, type RunHolder } from '../execute/lock/run-lock.ts'
import { listMirrors, readMirror } from '../execute/mirror-read.ts'
import { type OwedEntry, owedOf } from '../execute/owed.ts'
import type { StorageDefinition } from '../runbook/contract.ts'
import { openDefined } from './storages.ts'

/** A run of this controller as `bkp runs --json` has it (design §8). */
export interface RunSummary {
  readonly id: string
  readonly started: string
  readonly playbook: string
  /** `unknown`: in the hands of a process of another machine or container, out of sight from here. */
  readonly state: 'running' | 'finished' | 'interrupted' | 'unknown'
  readonly exit_code: number | null
  readonly owed: number
  /** The process that has it in hand, while it runs. */
  readonly holder?: {
    readonly host: string
    readonly user: string
    readonly pid: number
    /** ISO 8601 UTC. */
    readonly since: string
  }
}

/** A run and what it owes. */
export interface ListedRun {
  readonly summary: RunSummary
  readonly owed: readonly OwedEntry[]
}

/** All runs of a state directory, newest first. */
export async function listRuns(stateDirectory: string): Promise<readonly ListedRun[]> {
  const names = await readdir(join(stateDirectory, 'runs')).catch(() => [])
  const runs = await Promise.all(
    names.map(async name => {
      const { events } = await readStoredRun(stateDirectory, name)
      const isOpen = events.at(-1)?.event !== 'run.finished'
      return summarise(name, events, isOpen ? await holderOfRun(stateDirectory, name) : undefined)
    }),
  )
  return runs.sort((a, b) => byCode(orderOf(b.summary), orderOf(a.summary)))
}

/** An id begins with its second; what follows there is random, and runs of one second tell by their start. */
function orderOf({ id, started }: RunSummary): string {
  const [second = id] = id.split('-')
  return `${second} ${started} ${id}`
}

/** A run that a storage mirrors and that owes something. */
export interface MirroredOwed {
  readonly storage: string
  readonly run: string
  readonly owed: readonly OwedEntry[]
}

/** What the runs that the inventory's storages mirror still owe; also why a mirror is unreadable. */
export async function listMirroredOwed(
  storages: ReadonlyMap<string, StorageDefinition>,
): Promise<{ readonly owed: readonly MirroredOwed[]; readonly problems: readonly BkpError[] }> {
  const owed: MirroredOwed[] = []
  const problems: BkpError[] = []
  for (const [name, definition] of storages) {
    const storage = openDefined(definition)
    for await (const mirror of listMirrors(storage, quietIo)) {
      if ('problem' in mirror) {
        problems.push(mirror.problem)
        continue
      }
      if (hasEndedWell(mirror.last)) continue
      try {
        const { events } = await readMirror(storage, mirror.run, quietIo)
        const entries = owedOf(events)
        if (entries.length > 0) owed.push({ storage: name, run: mirror.run, owed: entries })
      } catch (error) {
        // One damaged run must not hide the others.
        problems.push(asBkpError(error))
      }
    }
  }
  return { owed, problems }
}

/** A run that ended with anything but 9 owes nothing; its events need not be read. */
function hasEndedWell(last: readonly RunEvent[]): boolean {
  const end = last.at(-1)
  return end?.event === 'run.finished' && end.exit_code !== exitCodes.owed
}

function summarise(
  id: string,
  events: readonly RunEvent[],
  held: RunHolder | undefined,
): ListedRun {
  const started = events.find(event => event.event === 'run.started')
  const last = events.at(-1)
  const owed = owedOf(events)
  const state = last?.event === 'run.finished' ? 'finished' : openStates[held?.liveness ?? 'gone']
  return {
    owed,
    summary: {
      id,
      started: started?.time ?? held?.holder.since ?? '',
      playbook: started?.playbook ?? '',
      state,
      exit_code: last?.event === 'run.finished' ? last.exit_code : null,
      owed: owed.length,
      ...(held === undefined || state === 'interrupted' ? {} : { holder: holderView(held) }),
    },
  }
}

const openStates = { alive: 'running', gone: 'interrupted', unknown: 'unknown' } as const

function holderView({ holder }: RunHolder): RunSummary['holder'] & object {
  const { host, user, pid } = holder.controller
  return { host, user, pid, since: holder.since }
}
