import { expect } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { openStorage } from '../../src/storage/open.ts'

/** What opening a place fails with. */
export function faultOf(place: Parameters<typeof openStorage>[0]): BkpError {
  try {
    openStorage(place)
  } catch (error) {
    if (error instanceof BkpError) return error
    throw error
  }
  throw new Error('it was opened')
}

/** Each URL is refused, and nothing is shown of the password that some of them hold. */
export function expectRefused(urls: readonly string[]): void {
  for (const url of urls) {
    const fault = faultOf(url)
    expect(fault.code, url).toBe('usage.invalid')
    const said = JSON.stringify([fault.message, fault.hint, fault.details, String(fault.cause)])
    expect(said, url).not.toContain('hunter2')
  }
}
