import type { EventSink, RunEvent } from '../events/events.ts'

/** Where a renderer writes; lines are redacted and free of control characters by then. */
export interface Output {
  write(text: string): void
}

/** Hands every event to all of them; one that throws must not stop the run. */
export function fanOut(sinks: readonly EventSink[], onError: (error: unknown) => void): EventSink {
  return (event: RunEvent) => {
    for (const sink of sinks) {
      try {
        sink(event)
      } catch (error) {
        onError(error)
      }
    }
  }
}
