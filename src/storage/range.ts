import { BkpError } from '../base/errors.ts'
import type { Key } from './contract.ts'

/** A part of an object, in bytes. */
export interface Range {
  readonly offset: number
  readonly lengthBytes: number
}

/** Where a range begins and ends; all of the object without one. @throws storage.failed beyond its end */
export function checkedRange(
  key: Key,
  sizeBytes: number,
  range: Range | undefined,
): { readonly offset: number; readonly end: number } {
  if (range === undefined) return { offset: 0, end: sizeBytes }
  const { offset, lengthBytes } = range
  const sane =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(lengthBytes) &&
    offset >= 0 &&
    lengthBytes >= 0
  if (!sane || offset + lengthBytes > sizeBytes) {
    throw new BkpError(
      'storage.failed',
      `object ${key} is ${sizeBytes} bytes long; bytes ${offset} to ${offset + lengthBytes} were asked for`,
      { details: { key } },
    )
  }
  return { offset, end: offset + lengthBytes }
}
