import type { Clock } from '../base/clock.ts'
import type { HostProgress, Io } from '../base/io.ts'
import type { EngineEvent, PartProgress, StepRef } from '../events/events.ts'

/** Tells how far a step is, now and then. */
export interface ProgressTeller {
  readonly progress: Io['progress']
  /** Tells what was said last, where that was too soon to be told. */
  flush(): void
}

/** Bytes are counted by the file or the piece; a reader needs a few looks a second, host by host. */
const spacingMs = 250

/** Turns a step's counting into events: of each host a few a second, and always where it ended. */
export function createProgress(
  ref: StepRef,
  clock: Pick<Clock, 'monotonicMs'>,
  tell: (event: EngineEvent) => void,
): ProgressTeller {
  const toldMs = new Map<string | undefined, number>()
  const held = new Map<string | undefined, EngineEvent>()
  return Object.freeze({
    progress: (done, total, part) => {
      const event: EngineEvent = {
        event: 'step.progress',
        ...ref,
        done_bytes: done,
        ...(total === undefined ? {} : { total_bytes: total }),
        ...(part === undefined ? {} : { part: partOf(part) }),
      }
      const nowMs = clock.monotonicMs()
      const last = toldMs.get(part?.host)
      if (last !== undefined && nowMs - last < spacingMs) {
        // In the order in which they were said: the newest sum is told last.
        held.delete(part?.host)
        held.set(part?.host, event)
        return
      }
      toldMs.set(part?.host, nowMs)
      held.delete(part?.host)
      tell(event)
    },
    flush: () => {
      for (const event of held.values()) tell(event)
      held.clear()
    },
  } satisfies ProgressTeller)
}

function partOf({ host, doneBytes, totalBytes }: HostProgress): PartProgress {
  const total = totalBytes === undefined ? {} : { total_bytes: totalBytes }
  return { host, done_bytes: doneBytes, ...total }
}
