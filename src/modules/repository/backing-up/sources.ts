import type { TUnsafe } from 'typebox'
import * as Type from 'typebox'
import { BkpError, throwFaults } from '../../../base/errors.ts'
import { isRecord } from '../../../base/json.ts'
import { compileExclude } from '../../../repository/exclude.ts'
import { isBelow, pathFault } from '../../../repository/logical-path.ts'
import type { HostSource, SourceRoot } from '../../../repository/source.ts'
import { storageHost } from '../../../repository/sources/names.ts'
import { keyPrefix } from '../../../repository/sources/objects.ts'
import { partBelow, type StoragePart } from '../../../repository/sources/place.ts'
import { storageSource } from '../../../repository/sources/storage-source.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'

/** A storage by its name or URL, a part of one, or a directory of a host. */
export type SourceArgument =
  | string
  | { readonly storage: string; readonly prefix?: string; readonly as?: string }
  | { readonly host: string; readonly path: string; readonly as?: string }

const asSchema = {
  type: 'string',
  minLength: 1,
  description: 'The name it goes by in every backup, where a restore puts it.',
}
const entrySchema = {
  anyOf: [
    { type: 'string', minLength: 1, description: 'A storage of the inventory, or a URL of one.' },
    {
      type: 'object',
      properties: {
        storage: {
          type: 'string',
          minLength: 1,
          description: 'A storage of the inventory, or a URL of one.',
        },
        prefix: {
          type: 'string',
          minLength: 1,
          description: 'Only what lies below it, such as warehouse/tables.',
        },
        as: asSchema,
      },
      required: ['storage'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: {
        host: { type: 'string', minLength: 1, description: 'A host of the step.' },
        path: { type: 'string', pattern: '^/', description: 'A directory or a file there.' },
        as: asSchema,
      },
      required: ['host', 'path'],
      additionalProperties: false,
    },
  ],
} as const

/** The schema of `sources`. */
export function sourcesArgument(description: string): TUnsafe<readonly SourceArgument[]> {
  return Type.Unsafe<readonly SourceArgument[]>({
    type: 'array',
    items: entrySchema,
    minItems: 1,
    description,
  })
}

/** A storage to back up, and what of it. */
export interface StorageSource {
  /** Its name among the hosts of the backup. */
  readonly host: string
  /** As the user names it. */
  readonly name: string
  readonly roots: readonly SourceRoot[]
}

/** What `sources` asks for. */
export interface Sources {
  readonly storages: readonly StorageSource[]
  /** Directories of hosts, in the form of `paths`. */
  readonly paths: Readonly<
    Record<string, readonly { readonly path: string; readonly as?: string }[]>
  >
}

/** Sorts sources by what they are of. All faults at once. @throws schema.invalid */
export function readSources(sources: readonly SourceArgument[]): Sources {
  const faults: BkpError[] = []
  const storages = new Map<string, { readonly name: string; readonly roots: SourceRoot[] }>()
  const paths: Record<string, { readonly path: string; readonly as?: string }[]> = {}
  for (const source of sources) {
    if (isRecord(source) && 'host' in source) {
      const { host, ...entry } = source
      paths[host] = [...(paths[host] ?? []), entry]
      continue
    }
    const { storage: name, prefix = '', as } = isRecord(source) ? source : { storage: source }
    const host = storageHost(name)
    const known = storages.get(host) ?? { name, roots: [] }
    storages.set(host, known)
    if (known.name !== name) {
      faults.push(sameName(known.name, name, host))
      continue
    }
    const root = readRoot(prefix, as, name, faults)
    if (root !== undefined) known.roots.push(root)
  }
  for (const [host, { name, roots }] of storages) {
    if (host.length > 255) faults.push(fault(`"${name}" is too long`, 'name it in the inventory'))
    for (const [index, { source }] of roots.entries()) {
      const other = roots.find((o, i) => i !== index && isBelow(source, o.source))
      if (other === undefined) continue
      faults.push(fault(`a part of "${name}" lies within another part of it`, 'name each one once'))
      break
    }
  }
  throwFaults(faults, `${faults.length} faults in sources`)
  return { storages: [...storages].map(([host, rest]) => ({ host, ...rest })), paths }
}

function fault(message: string, hint: string): BkpError {
  return new BkpError('schema.invalid', `sources: ${message}`, { hint })
}

function sameName(one: string, other: string, host: string): BkpError {
  return fault(
    `"${one}" and "${other}" would both be called ${host}`,
    'give each a name among the storages of the inventory',
  )
}

function readRoot(
  prefix: string,
  as: string | undefined,
  name: string,
  faults: BkpError[],
): SourceRoot | undefined {
  const source = `/${prefix.replace(/^\/+|\/+$/g, '')}`
  const root = as === undefined ? source : as.replace(/\/+$/, '') || '/'
  const problem = pathFault(Buffer.from(source)) ?? pathFault(Buffer.from(root))
  if (problem !== undefined) {
    const shown = as === undefined ? `"${source.slice(1)}"` : `"${source.slice(1)}" as "${root}"`
    faults.push(fault(`${shown} of "${name}" ${problem}`, 'write a prefix such as warehouse/a'))
    return undefined
  }
  return { root: Buffer.from(root), source: Buffer.from(source), immutable: false }
}

/**
 * Opens a storage as a source. @throws usage.invalid where the repository lies in what is backed up
 * and is not excluded, or the other way round: every backup would hold all that came before it
 */
export function openStorageSource(
  { host, roots }: StorageSource,
  storage: ReadOnlyStorage,
  repository: ReadOnlyStorage,
  patterns: readonly string[],
): HostSource {
  const exclude = compileExclude(patterns)
  for (const root of roots) {
    const part: StoragePart = { url: storage.url, prefix: keyPrefix(root) }
    const own: StoragePart = { url: repository.url, prefix: '' }
    const way = partBelow(own, part)
    const isInside = partBelow(part, own) !== undefined
    if (!isInside && (way === undefined || exclude(Buffer.from(way)))) continue
    throw new BkpError(
      'usage.invalid',
      isInside
        ? `${host} lies inside the repository ${repository.url}: backups would hold themselves`
        : `the repository ${repository.url} lies inside ${host}: backups would hold themselves`,
      { hint: 'keep the repository and what is backed up apart, or exclude the repository' },
    )
  }
  return storageSource({ host, storage, exclude, repository }, roots)
}
