import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { Secret } from '../../base/secret.ts'
import type { StorageDefinition } from '../backend.ts'

/** Names of an inventory, and those of the properties they become. */
type Names<Property extends string> = Readonly<Record<string, Property>>

/** The credentials a storage is defined with, if it is. @throws usage.invalid for half of them */
export function credentialsOf<Needed extends string, Other extends string>(
  { type, credentials }: StorageDefinition,
  needed: Names<Needed>,
  others: Names<Other>,
): (Readonly<Record<Needed, Secret>> & { readonly [name in Other]?: Secret }) | undefined {
  if (credentials === undefined) return undefined
  const given: Readonly<Record<string, unknown>> = isRecord(credentials) ? credentials : {}
  const names = Object.keys(needed)
  if (!names.every(name => given[name] instanceof Secret)) {
    throw new BkpError(
      'usage.invalid',
      `credentials of an ${type} storage are ${names.join(' and ')}`,
    )
  }
  const read = Object.entries({ ...needed, ...others }).map(([name, as]) => [as, given[name]])
  return Object.fromEntries(read.filter(([, value]) => value instanceof Secret))
}
