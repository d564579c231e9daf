import { inspect } from 'node:util'

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
}

/** The forms in which a secret may turn up in text: as it is, URL-encoded, base64, JSON-escaped. */
function forms(value: string): readonly string[] {
  return [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
    JSON.stringify(value).slice(1, -1),
  ]
}

/** Shorter values are not searched for: dots in place of every "1" would hide the report itself. */
const shortestRedacted = 4

/** A redactor that holds the secrets registered with it. */
export function createRedactor(): Redactor {
  let needles: readonly string[] = []
  return Object.freeze({
    register: secret => {
      const value = secret.reveal()
      if (value.length < shortestRedacted) return
      // Longest first, so that a secret that contains another is masked whole.
      needles = [...new Set([...needles, ...forms(value)])].sort((a, b) => b.length - a.length)
    },
    redact: text => needles.reduce((masked, needle) => masked.replaceAll(needle, mask), text),
  } satisfies Redactor)
}
