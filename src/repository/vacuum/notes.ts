import type { OpenSession } from './open-sessions.ts'
import type { WaitedFor } from './result.ts'

/** Unknown keys that are named. */
const shownKeys = 5

/** What lies below `data/` and is no block. */
export function strangeNotes(strange: ReadonlySet<string>): readonly string[] {
  if (strange.size === 0) return []
  const shown = [...strange].slice(0, shownKeys).join(', ')
  const more = strange.size > shownKeys ? ', ...' : ''
  return strange.size === 1
    ? [`an object below data/ is no block and is left alone: ${shown}`]
    : [`${strange.size} objects below data/ are no blocks and are left alone: ${shown}${more}`]
}

export function asWaitedFor({ name, kind, source, pid, since }: OpenSession): WaitedFor {
  return { session: name, kind, source, since, ...(pid === undefined ? {} : { pid }) }
}
