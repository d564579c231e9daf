import { createHash } from 'node:crypto'
import type { Key } from '../../storage/contract.ts'
import { key } from '../../storage/key.ts'

const plain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const mark = '.released'
/** Fixed width, so that keys sort by number. */
const digits = 8

/**
 * A name as one component of a key. Plain names are themselves; of any other, what can be read of it
 * and its digest, after a `~` that no plain name holds: two names never share a component.
 */
function componentOf(name: string): string {
  if (plain.test(name)) return name
  const readable = name.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60)
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32)
  return `${readable.replace(/^\./, '_')}~${digest}`
}

/** Where the registers of a lock lie. */
export function lockPrefix(name: string): string {
  return `locks/${componentOf(name)}/`
}

/** The register that the n-th holder of a lock sets. */
export function holderKey(prefix: string, seq: number): Key {
  return key(`${prefix}${String(seq).padStart(digits, '0')}`)
}

/** The register that says that the n-th holder has let go. */
export function releasedKey(prefix: string, seq: number): Key {
  return key(`${holderKey(prefix, seq)}${mark}`)
}

/** Which register of a lock a key is; nothing for what does not belong there. */
export function registerOf(
  prefix: string,
  found: string,
): { readonly seq: number; readonly isRelease: boolean } | undefined {
  const name = found.slice(prefix.length)
  const isRelease = name.endsWith(mark)
  const number = isRelease ? name.slice(0, -mark.length) : name
  if (!/^\d{8}$/.test(number) || Number(number) === 0) return undefined
  return { seq: Number(number), isRelease }
}
