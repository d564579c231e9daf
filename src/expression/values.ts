import { isRecord } from '../base/json.ts'
import { Secret } from '../base/secret.ts'
import { Sealed } from './sealed.ts'
import { touch } from './signal.ts'
import { Unknown } from './unknown.ts'

/** What each converted container was made of, to give it back unchanged. */
const originals = new WeakMap<object, object>()

/**
 * A map as CEL sees it: values are converted when they are read, and reading an unknown one signals.
 * A Map, because cel-js looks at `constructor` of plain objects, which data may define.
 */
class MapView extends Map<unknown, unknown> {
  readonly #source: Readonly<Record<string, unknown>>

  constructor(source: Readonly<Record<string, unknown>>) {
    super()
    this.#source = source
    originals.set(this, source)
  }

  override get(key: unknown): unknown {
    return this.has(key) ? toCel(this.#source[String(key)]) : undefined
  }

  override has(key: unknown): boolean {
    return isKey(key) && Object.hasOwn(this.#source, String(key))
  }

  override get size(): number {
    return Object.keys(this.#source).length
  }

  override *keys(): MapIterator<string> {
    yield* Object.keys(this.#source)
  }

  override *values(): MapIterator<unknown> {
    for (const key of this.keys()) yield this.get(key)
  }

  override *entries(): MapIterator<[string, unknown]> {
    for (const key of this.keys()) yield [key, this.get(key)]
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries()
  }
}
// cel-js tells types by `constructor`, exactly.
Object.defineProperty(MapView.prototype, 'constructor', { value: Map })

function isKey(key: unknown): boolean {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof key)
}

/** A list as CEL sees it: reading an unknown element signals, its size is known. */
function listView(source: readonly unknown[]): readonly unknown[] {
  const view: unknown[] = []
  source.forEach((element, index) => {
    if (element instanceof Unknown) {
      Object.defineProperty(view, index, { get: () => touch(element), enumerable: true })
    } else {
      view[index] = toCel(element)
    }
  })
  originals.set(view, source)
  return view
}

/** A value as CEL computes with it; an unknown one signals. */
export function toCel(value: unknown): unknown {
  if (value instanceof Unknown) return touch(value)
  if (value instanceof Secret) return new Sealed(value)
  if (Array.isArray(value)) return listView(value)
  if (isRecord(value)) return new MapView(value)
  return value
}

/** What a container was made of, when it came from data and not from the expression. */
export function originalOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? originals.get(value) : undefined
}
