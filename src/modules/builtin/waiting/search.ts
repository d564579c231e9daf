import { matchesPattern } from '../../../expression/pattern.ts'

/**
 * Characters that are looked at together: as many as the largest pattern may take. A match that spans
 * more of them may be missed.
 */
const windowLength = 16 * 1024
/** Characters kept of what was looked at, in case a match begins in them. */
const overlapLength = 3 * 1024

/** Looks for a pattern in text that comes piece by piece. */
export interface Search {
  /** True when the pattern has matched by now. */
  feed(bytes: Uint8Array): boolean
}

/** `^` and `$` stand at the ends of each line, as in Ansible, and of the text. */
function matches(text: string, pattern: string): boolean {
  if (matchesPattern(text, pattern)) return true
  const lines = text.split(/\r?\n/)
  return lines.length > 1 && lines.some(line => matchesPattern(line, pattern))
}

/** A search from the beginning of a text; its memory does not grow with it. */
export function createSearch(pattern: string): Search {
  const decoder = new TextDecoder()
  let held = ''
  return Object.freeze({
    feed: (bytes: Uint8Array) => {
      const text = decoder.decode(bytes, { stream: true })
      for (let at = 0; at < text.length; at += windowLength) {
        const window = held + text.slice(at, at + windowLength)
        if (matches(window, pattern)) return true
        held = window.slice(-overlapLength)
      }
      return false
    },
  })
}
