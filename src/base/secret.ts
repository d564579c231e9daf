import { inspect } from 'node:util'
import { createNeedles, type Needles, type Range } from './needles.ts'
import { secretForms } from './secret-forms.ts'

export const mask = '••••'

/** A value that prints as dots wherever it is printed; `reveal` is called only where it is used. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The secret itself: only transports and storage clients call this. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }

  [inspect.custom](): string {
    return mask
  }
}

/** Replaces registered secrets in text; every secret read is registered here. */
export interface Redactor {
  register(secret: Secret): void
  redact(text: string): string
  /** For text that comes in chunks: a secret that is cut in two is found as well. */
  stream(): RedactingStream
}

/** Redacts text chunk by chunk; holds back what may be the beginning of a secret. */
export interface RedactingStream {
  /** What can be shown of the text so far. */
  write(chunk: string): string
  /** The rest of it. */
  end(): string
}

/**
 * Shorter secrets are not searched for: dots in place of every "1" would hide the report itself, and
 * tell the secret by what is missing. As values they print as dots all the same.
 */
const shortestRedacted = 4

/**
 * A redactor that holds the secrets registered with it. Its cost grows with the text, not with the
 * number of secrets.
 */
export function createRedactor(): Redactor {
  const needles = createNeedles(shortestRedacted)
  const known = new Set<string>()
  return Object.freeze({
    register: secret => {
      const value = secret.reveal()
      if (value.length < shortestRedacted || known.has(value)) return
      known.add(value)
      for (const form of secretForms(value)) needles.add(form)
    },
    redact: text => cover(text, needles.find(text)),
    stream: () => createRedactingStream(needles),
  } satisfies Redactor)
}

function cover(text: string, ranges: readonly Range[]): string {
  if (ranges.length === 0) return text
  let covered = ''
  let at = 0
  for (const [start, end] of ranges) {
    covered += text.slice(at, start) + mask
    at = end
  }
  return covered + text.slice(at)
}

function createRedactingStream(needles: Needles): RedactingStream {
  let held = ''
  /** Characters of `held` that belong to a secret whose dots are written already. */
  let coveredLength = 0

  const release = (isLast: boolean): string => {
    const ranges = needles.find(held)
    const safe = isLast ? held.length : Math.max(0, held.length - needles.longest + 1)
    let shown = ''
    let at = coveredLength
    for (const [start, end] of ranges) {
      if (start >= safe) break
      // What touches dots that are written already gets no more of them.
      if (start > at || at === 0) shown += held.slice(at, start) + mask
      at = Math.max(at, end)
    }
    if (at < safe) {
      shown += held.slice(at, safe)
      at = safe
    }
    held = held.slice(safe)
    coveredLength = at - safe
    return shown
  }

  return Object.freeze({
    write: (chunk: string) => {
      held += chunk
      return release(false)
    },
    end: () => release(true),
  } satisfies RedactingStream)
}
