import { Secret } from '../base/secret.ts'

/**
 * A Secret inside CEL. It has no properties to read, and turning it into text throws: cel-js
 * cannot print it, use it as a key or leak it into a message.
 */
export class Sealed {
  readonly #secret: Secret

  constructor(secret: Secret) {
    this.#secret = secret
  }

  /** Opens it for functions whose result is sealed again, or that give no part of it away. */
  static open(value: Sealed | string): string {
    return typeof value === 'string' ? value : value.#secret.reveal()
  }

  /** The Secret it was made of. */
  static secretOf(value: Sealed): Secret {
    return value.#secret
  }

  [Symbol.toPrimitive](): never {
    throw new Error('a secret cannot be used as text here')
  }
}

/** Seals text that a secret went into. */
export function seal(text: string): Sealed {
  return new Sealed(new Secret(text))
}

/** Joins texts; the result is sealed when one of them is. */
export function joinSealed(
  texts: readonly (Sealed | string)[],
  separator: string,
): Sealed | string {
  const text = texts.map(Sealed.open).join(separator)
  return texts.some(part => part instanceof Sealed) ? seal(text) : text
}
