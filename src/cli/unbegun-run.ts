import { systemClock, systemRandom } from '../base/clock.ts'
import { quietIo } from '../base/io.ts'
import { escapeControls } from '../base/text.ts'
import { readStoredRun, reopenJournal, type StoredRun } from '../execute/journal.ts'
import { viewFromHere } from '../execute/lock/controller.ts'
import { refuseIfRunning } from '../execute/lock/run-lock.ts'
import { endUnbegunRun, hasBegun, neverBegan } from '../execute/unbegun.ts'
import { stateDirectoryOf } from './apply-runbook.ts'
import type { CommandContext } from './command.ts'
import { openPlace } from './place.ts'
import type { StoredRunFlags } from './stored-run.ts'

/**
 * Ends a run that died before it began: there is nothing to go on with and nothing to settle, but it
 * may hold locks in the storage that `--from` names.
 * @returns what to tell; undefined where there is no such run, or it has begun
 * @throws run.lock_held while it runs
 */
export async function endUnbegun(
  run: string,
  flags: StoredRunFlags,
  context: CommandContext,
): Promise<string | undefined> {
  const stateDirectory = await stateDirectoryOf(flags.stateDir, context)
  await refuseIfRunning(stateDirectory, run)
  const own = await readStoredRun(stateDirectory, run).catch(() => undefined)
  if (own !== undefined && hasBegun(own.events)) return undefined
  const freed = await freeLocks(run, flags, context)
  if (freed === undefined && (own === undefined || flags.from !== undefined)) return undefined
  if (own !== undefined) await closeJournal(stateDirectory, own)
  const locks = (freed ?? []).map(name => `"${escapeControls(name, { newlines: false })}"`)
  const free =
    locks.length === 0
      ? ''
      : `; ${locks.length === 1 ? 'lock' : 'locks'} ${locks.join(', ')} free again`
  return `run ${run} was cut off before it began: nothing was done, nothing is owed${free}`
}

async function freeLocks(
  run: string,
  { from, inventory = [], ...vault }: StoredRunFlags,
  context: CommandContext,
): Promise<readonly string[] | undefined> {
  if (from === undefined) return undefined
  return await endUnbegunRun({
    run,
    storage: await openPlace(from, { ...vault, inventory }, context),
    storageName: from,
    controller: await viewFromHere(),
    clock: systemClock,
    random: systemRandom,
    io: quietIo,
  })
}

async function closeJournal(stateDirectory: string, { run, documents, events }: StoredRun) {
  if (events.at(-1)?.event === 'run.finished') return
  const journal = await reopenJournal({ stateDirectory, run, documents, redact: text => text })
  journal.append(neverBegan({ run, clock: systemClock }, events))
  await journal.close()
}
