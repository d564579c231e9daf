import { BkpError } from '../base/errors.ts'
import { escapeControls } from '../base/text.ts'
import type { Key } from './contract.ts'

/** Longest key in bytes: S3's limit, less room for a prefix. */
const longestKeyBytes = 900
/** Longest component in bytes: what file systems take as one name. */
const longestComponentBytes = 255

/** How the `file` backend names what it has not finished writing; never part of a key. */
export const temporaryPrefix = '.tmp-'

/**
 * Text as a key: `/`-separated components, none empty, `.` or `..`; no control characters or
 * backslashes. @throws internal: keys are made by code, or checked before they get here
 */
export function key(text: string): Key {
  const fault = keyFault(text)
  if (fault !== undefined) {
    throw new BkpError(
      'internal',
      `"${escapeControls(text.slice(0, 100), { newlines: false })}" is not a key: ${fault}`,
    )
  }
  return text as Key
}

/** The key, or nothing where the text is not one: for names found on a disk or in a listing. */
export function keyOrNothing(text: string): Key | undefined {
  return keyFault(text) === undefined ? (text as Key) : undefined
}

function keyFault(text: string): string | undefined {
  if (Buffer.byteLength(text) > longestKeyBytes) return `longer than ${longestKeyBytes} bytes`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f\u007f\\]/.test(text)) return 'it holds a control character or a backslash'
  // Replacement characters stand for bytes that were not UTF-8: two names could become one key.
  if (/\p{Surrogate}|\ufffd/u.test(text)) return 'it is not Unicode text'
  for (const component of text.split('/')) {
    if (component === '') return 'a component is empty'
    if (component === '.' || component === '..') return `a component is "${component}"`
    if (component.startsWith(temporaryPrefix)) return `a component begins with ${temporaryPrefix}`
    if (Buffer.byteLength(component) > longestComponentBytes) return 'a component is too long'
  }
  return undefined
}

/** Byte order of keys, which differs from JavaScript's order of UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
