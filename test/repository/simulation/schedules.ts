import { type Actor, type Director, plainKey } from './director.ts'
import {
  forgottenBeforePin,
  type Mutant,
  noLook,
  noReread,
  noSeal,
  noSession,
  noTombstones,
  plainNames,
  plansBeforeAnnouncing,
  plansOnly,
  registerBeforePlans,
  reuseByHead,
  sessionsBeforePlan,
} from './mutants.ts'
import type { Invariant } from './violation.ts'

/** A way in which a block is lost where a piece of the protocol is missing, and not where it is there. */
export interface Schedule {
  readonly mutant: Mutant
  /** `loss` by default; a reader's loss is an error of its own. */
  readonly breaks?: Invariant
  play(director: Director): Promise<void>
}

const x = plainKey('x')
const commit = /^putIfAbsent manifests\//
/** Its sessions are decided: what comes next is the age of the plan. */
const decided = /^get gc\/1\/plan/

/** Someone else's file `x` was backed up and forgotten: it is garbage that is still there. */
async function garbage(director: Director): Promise<void> {
  const first = await director.backUp('x')
  await director.backUp('y')
  await director.forget(first)
}

export const schedules: readonly Schedule[] = [
  {
    // A writer stores under the very name that a seal already condemned.
    mutant: plainNames,
    play: async director => {
      await garbage(director)
      await director.collect()
      const again = await director.backUp('x')
      await director.backUp('y')
      await director.forget(again)
      const vacuum = director.vacuum()
      await vacuum.until(/^delete data\//)
      await director.writer(['x']).finish()
      await vacuum.finish()
    },
  },
  {
    // A writer that was revoked puts again what a slow sweeper is still to delete.
    mutant: reuseByHead,
    play: async director => {
      await garbage(director)
      const zombie = director.writer(['x'], { mutated: false })
      await zombie.until(new RegExp(`^put ${x}$`))
      director.hoursPass()
      const slow = director.vacuum()
      await slow.until(new RegExp(`^delete ${x}$`))
      await director.collect()
      await zombie.finish()
      await director.writer(['x']).finish()
      await slow.finish()
    },
  },
  {
    // A writer that was taken for dead commits.
    mutant: noTombstones,
    play: async director => {
      const first = await director.backUp('x')
      const slow = director.writer(['x'])
      await slow.until(commit)
      await director.backUp('y')
      await director.forget(first)
      director.hoursPass()
      const vacuum = director.vacuum()
      await vacuum.until(/^delete data\//)
      await slow.finish()
      await vacuum.finish()
    },
  },
  {
    // Neither sees the other: no plan yet for the one, no session yet for the other.
    mutant: plansBeforeAnnouncing,
    play: async director => {
      await garbage(director)
      const writer = director.writer(['x'])
      await writer.until(/^putIfAbsent sessions\//)
      const vacuum = director.vacuum()
      await vacuum.until(decided)
      await writer.until(commit)
      await vacuum.until(/^delete data\//)
      await writer.finish()
      await vacuum.finish()
    },
  },
  {
    mutant: sessionsBeforePlan,
    play: async director => {
      await garbage(director)
      const vacuum = director.vacuum()
      await vacuum.until(/^putIfAbsent gc\/1\/plan/)
      const writer = director.writer(['x'])
      await writer.until(commit)
      await vacuum.until(/^delete data\//)
      await writer.finish()
      await vacuum.finish()
    },
  },
  {
    // Two vacuums of one plan: what the first one keeps is used again when it is done, and the
    // second one takes it for garbage still.
    mutant: noSeal,
    play: async director => {
      const first = await director.backUp('x')
      await director.backUp('y')
      const early = director.writer(['x'])
      await early.until(commit)
      await director.forget(first)
      const keeper = director.vacuum()
      await keeper.until(/^putIfAbsent gc\/1\/plan/)
      await early.finish()
      const kept = director.newest()
      await keeper.until(/^putIfAbsent gc\/1\/closed/)
      const sweeper = director.vacuum()
      await sweeper.until(decided)
      await keeper.finish()
      const late = director.writer(['x'])
      await late.until(commit)
      await director.forget(kept)
      await sweeper.until(/^delete data\//)
      await late.finish()
      await sweeper.finish()
    },
  },
  {
    // What a running backup reused is committed after the vacuum read what is live.
    mutant: noReread,
    play: async director => {
      const first = await director.backUp('x')
      await director.backUp('y')
      const writer = director.writer(['x'])
      await writer.until(commit)
      await director.forget(first)
      const vacuum = director.vacuum()
      await vacuum.until(/^putIfAbsent gc\/1\/plan/)
      await writer.finish()
      await vacuum.finish()
    },
  },
  {
    // Forgotten and swept between the reader's look and its pin.
    mutant: forgottenBeforePin,
    breaks: 'error',
    play: async director => {
      const first = await director.backUp('x')
      await director.backUp('y')
      const reader = director.reader(first)
      await reader.until(/^putIfAbsent sessions\//)
      await director.forget(first)
      const vacuum = director.vacuum()
      await vacuum.until(/^delete data\//)
      await reader.until(/^get data\//)
      await vacuum.finish()
      await reader.finish()
    },
  },
  {
    // The run is revoked between the two looks; what its checkpoint names is swept before the second.
    mutant: registerBeforePlans,
    play: async director => {
      const writer = await checkpointing(director)
      const vacuum = director.vacuum()
      await vacuum.until(commit)
      await writer.until(/^list gc/)
      await vacuum.finish()
      await writer.finish()
    },
  },
  {
    mutant: plansOnly,
    play: async director => {
      const writer = await checkpointing(director)
      const vacuum = director.vacuum()
      await vacuum.until(decided)
      await writer.until(/^list gc/)
      await vacuum.finish()
      await writer.finish()
    },
  },
  {
    mutant: noLook,
    play: async director => {
      const writer = await checkpointing(director)
      const vacuum = director.vacuum()
      await vacuum.until(decided)
      await writer.until(commit)
      await vacuum.until(/^delete data\//)
      await writer.finish()
      await vacuum.finish()
    },
  },
  {
    mutant: noSession,
    play: async director => {
      await garbage(director)
      const writer = director.writer(['x', 'z'], { checkpoints: true })
      await writer.past(commit)
      await writer.until(commit)
      director.hoursPass()
      const vacuum = director.vacuum()
      await vacuum.until(/^delete data\//)
      await writer.finish()
      await vacuum.finish()
    },
  },
]

/** A run that stored file `x` and is about to announce a checkpoint, and was silent for hours. */
async function checkpointing(director: Director): Promise<Actor> {
  await garbage(director)
  const writer = director.writer(['x', 'z'], { checkpoints: true })
  // Its first checkpoint comes before anything is acknowledged, and names nothing.
  await writer.past(commit)
  await writer.until(/^putIfAbsent sessions\//)
  director.hoursPass()
  return writer
}
