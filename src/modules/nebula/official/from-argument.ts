import type { TUnsafe } from 'typebox'
import * as Type from 'typebox'
import { BkpError } from '../../../base/errors.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { hostPlace } from '../../../databases/nebula/official/host-place.ts'
import type { OfficialPlace } from '../../../databases/nebula/official/place.ts'
import { storagePlace } from '../../../databases/nebula/official/storage-place.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import { isStorageUrl } from '../../../storage/open.ts'

/** Backups of BR's local backend: what each host has below the folder. */
export interface FromHosts {
  readonly path: string
  readonly hosts?: readonly string[]
}
export type FromArgument = string | FromHosts

/** The schema of `from`. */
export function fromArgument(): TUnsafe<FromArgument> {
  return Type.Unsafe<FromArgument>({
    anyOf: [
      {
        type: 'string',
        minLength: 1,
        description: 'A storage of the inventory, or a URL: what BR was given as --storage.',
      },
      {
        type: 'object',
        properties: {
          path: {
            type: 'string',
            pattern: '^/.',
            description: 'The folder of a local backend, the same on all hosts.',
          },
          hosts: {
            type: 'array',
            items: { type: 'string', minLength: 1 },
            minItems: 1,
            description: 'Hosts of the play that hold parts of it; all of them without it.',
          },
        },
        required: ['path'],
        additionalProperties: false,
      },
    ],
    description:
      'Where backups of the official BR lie: a storage by name or URL, or { path, hosts } of its local backend, where every host holds its own part.',
  })
}

/** What reading needs of either kind of site. */
export interface FromSite {
  readonly hosts: readonly ReadOnlyHost[]
  storage(name: string): ReadOnlyStorage
}

/** Opens it. Asks nothing yet. @throws schema.invalid, cluster.hosts_missing */
export function openFrom(site: FromSite, from: FromArgument): OfficialPlace {
  if (typeof from === 'string') return storagePlace(site.storage(from))
  return hostPlace(fromHosts(site, from), from.path)
}

/** The hosts that hold parts. @throws cluster.hosts_missing */
export function fromHosts<H extends ReadOnlyHost>(
  { hosts }: { readonly hosts: readonly H[] },
  from: FromHosts,
): readonly H[] {
  const names = from.hosts ?? hosts.map(({ name }) => name)
  return names.map(name => {
    const host = hosts.find(candidate => candidate.name === name)
    if (host !== undefined) return host
    throw new BkpError('cluster.hosts_missing', `from: host "${name}" does not take part`, {
      hint: 'add it to the hosts of the play, or name only those that hold parts',
      details: { host: name },
    })
  })
}

/** What a step on it touches. */
export function fromResources(from: FromArgument): readonly string[] {
  return typeof from === 'string' ? [`storage:${from}`] : ['host:']
}

/** It for people; a URL is not the place for credentials, and its options say nothing. */
export function fromText(from: FromArgument): string {
  if (typeof from !== 'string') return `${from.path} of ${from.hosts?.join(', ') ?? 'all hosts'}`
  return isStorageUrl(from) ? from.replace(/[?#].*$/, '') : from
}
