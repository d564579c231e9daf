import { systemClock, systemRandom } from '../base/clock.ts'
import { quietIo } from '../base/io.ts'
import type { RunEvent } from '../events/events.ts'
import type { JournalMirror } from '../execute/journal.ts'
import { viewFromHere } from '../execute/lock/controller.ts'
import { acquireLocalLock } from '../execute/lock/local-lock.ts'
import { acquirePlayLock } from '../execute/lock/play-lock.ts'
import type { Lock } from '../execute/lock/registers.ts'
import { runLockName } from '../execute/lock/run-lock.ts'
import { createMirror } from '../execute/mirror.ts'
import { createScope, literal } from '../expression/scope.ts'
import { renderTree } from '../expression/tree.ts'
import type { PlayLock } from '../runbook/contract.ts'
import type { CommandContext } from './command.ts'
import type { Session } from './session.ts'

/** What a run holds while it lives: its own name, and what its plays lock. */
export interface Hold {
  /** The journal's second place, where a play's lock names a storage. */
  readonly mirror: JournalMirror | undefined
  release(): Promise<void>
}

/**
 * Takes the locks of all plays before anything is written: a run that cannot have them all must not
 * begin. @throws run.lock_held
 */
export async function holdRun(
  session: Session,
  options: { readonly stateDirectory: string; readonly history: readonly RunEvent[] },
  { redactor }: CommandContext,
): Promise<Hold> {
  const { environment } = session.open
  const { run } = environment
  const controller = await viewFromHere()
  const request = {
    run: run.id,
    controller,
    clock: systemClock,
    random: systemRandom,
    io: quietIo,
    stateDirectory: options.stateDirectory,
  }
  const held: Lock[] = []
  const release = async (): Promise<void> => {
    // One that cannot be let go must not keep the others.
    const ends = await Promise.allSettled(held.toReversed().map(lock => lock.release(quietIo)))
    const failed = ends.find(end => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  try {
    // Two processes must not go on with one run at once.
    held.push(await acquireLocalLock({ ...request, name: runLockName(run.id) }))
    const mirrors = new Map<string, JournalMirror>()
    for (const { name, storage } of locksOf(session)) {
      const shared =
        storage === undefined
          ? {}
          : { storage: { name: storage, storage: environment.storage(storage) } }
      held.push(await acquirePlayLock({ ...request, ...shared, name }))
      if (shared.storage === undefined || mirrors.has(shared.storage.name)) continue
      const mirror = await createMirror({
        storage: shared.storage.storage,
        storageName: shared.storage.name,
        run: run.id,
        documents: run.documents,
        history: options.history,
        redact: redactor.redact,
        controller: controller.self,
        clock: systemClock,
        random: systemRandom,
      })
      mirrors.set(shared.storage.name, mirror)
    }
    return { mirror: together([...mirrors.values()]), release }
  } catch (error) {
    // Why it was refused matters more than what could not be let go.
    await release().catch(() => {})
    throw error
  }
}

/** Plays may lock through different storages: each of those gets the whole journal. */
function together(mirrors: readonly JournalMirror[]): JournalMirror | undefined {
  if (mirrors.length === 0) return undefined
  return {
    append: line => {
      for (const mirror of mirrors) mirror.append(line)
    },
    synced: async () => {
      await Promise.all(mirrors.map(mirror => mirror.synced()))
    },
    close: async () => {
      await Promise.all(mirrors.map(mirror => mirror.close()))
    },
  }
}

/** Names of locks, and their storages, as the plays say them; equal ones once. */
function locksOf(
  session: Session,
): readonly { readonly name: string; readonly storage?: string }[] {
  const { program } = session.options
  const found = new Map<string, { readonly name: string; readonly storage?: string }>()
  for (const play of program.playbook.plays) {
    if (play.lock === undefined) continue
    const exposed = Object.entries({ ...program.exposed, run: program.run })
    const magic = new Map(exposed.map(([name, value]) => [name, literal(value)]))
    const scope = createScope([play.vars, program.extraVars, magic])
    const lock = rendered(play.lock, tree => String(renderTree(tree, scope)))
    found.set(JSON.stringify(lock), lock)
  }
  return [...found.values()]
}

function rendered(
  lock: PlayLock,
  text: (tree: PlayLock['name']) => string,
): { readonly name: string; readonly storage?: string } {
  const name = text(lock.name)
  return lock.storage === undefined ? { name } : { name, storage: text(lock.storage) }
}
