import { BkpError } from '../base/errors.ts'
import type { Key } from './contract.ts'

/**
 * An etag without what servers write around it: quotes, the mark of a weak one, the case of hex
 * digits. Empty for none.
 */
export function plainEtag(etag: string | undefined): string {
  const [, text = ''] = /^(?:W\/)?"?([^"]*)"?$/.exec(etag ?? '') ?? []
  return /^[0-9A-F]{32}(-\d+)?$/.test(text) ? text.toLowerCase() : text
}

/** An object that has another etag than it had. */
export function objectChanged(url: string, key: Key, cause?: unknown): BkpError {
  return new BkpError('storage.changed', `${key} in ${url} was written while it was read`, {
    cause,
    hint: 'run again once nothing writes there',
    details: { key },
  })
}
