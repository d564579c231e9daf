import type { TUnsafe } from 'typebox'
import * as Type from 'typebox'
import { BkpError, throwFaults } from '../../../base/errors.ts'
import { isRecord } from '../../../base/json.ts'
import { didYouMean } from '../../../base/text.ts'
import { pathFault } from '../../../repository/logical-path.ts'
import type { SourceRoot } from '../../../repository/source.ts'

/** One path to back up: itself, or under the logical name `as`, which stays the same each time. */
type PathEntry = string | { readonly path: string; readonly as?: string }

/** The same paths on every host, or a list for each. */
export type PathsArgument = readonly PathEntry[] | Readonly<Record<string, readonly PathEntry[]>>

const entrySchema = {
  anyOf: [
    { type: 'string', pattern: '^/', description: 'An absolute path.' },
    {
      type: 'object',
      properties: {
        path: { type: 'string', pattern: '^/', description: 'Where the files are now.' },
        as: {
          type: 'string',
          minLength: 1,
          description:
            'The name they go by in every backup; absolute, or relative to a place that a restore chooses.',
        },
      },
      required: ['path'],
      additionalProperties: false,
    },
  ],
} as const

/** The schema of `paths`. */
export function pathsArgument(description: string): TUnsafe<PathsArgument> {
  return Type.Unsafe<PathsArgument>({
    anyOf: [
      { type: 'array', items: entrySchema, minItems: 1 },
      { type: 'object', additionalProperties: { type: 'array', items: entrySchema } },
    ],
    description,
  })
}

/** What `paths` comes from when the step names none. */
export interface PathDefaults {
  /** The `paths` of a cluster's settings: a list, or one for each host. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Hosts of the cluster or the play, missing ones too. */
  readonly hosts: readonly string[]
  readonly immutable: boolean
  /** Which files of them; all without it. */
  readonly immutableFiles?: readonly string[] | undefined
  /** What `sources` names: paths of hosts, and whether there is anything else. */
  readonly also?: {
    readonly paths: Readonly<Record<string, readonly PathEntry[]>>
    readonly storages: readonly unknown[]
  }
}

/**
 * The roots of each host that has any. All faults at once.
 * @throws schema.invalid for hosts that are not in the cluster and paths that are none
 */
export function rootsByHost(
  paths: PathsArgument | undefined,
  { settings, hosts, immutable, immutableFiles, also = { paths: {}, storages: [] } }: PathDefaults,
): ReadonlyMap<string, readonly SourceRoot[]> {
  const further = Object.entries(also.paths)
  const chosen =
    paths ?? settings['paths'] ?? (further.length > 0 || also.storages.length > 0 ? {} : undefined)
  if (chosen === undefined) {
    throw new BkpError('schema.invalid', 'nothing says what is to be backed up', {
      hint: 'give the step paths or sources, or the cluster in the inventory',
    })
  }
  const faults: BkpError[] = []
  const kind = { immutable, ...(immutableFiles === undefined ? {} : { immutableFiles }) }
  const lists = isList(chosen)
    ? new Map<string, unknown>(hosts.map(host => [host, chosen] as const))
    : new Map<string, unknown>(Object.entries(isRecord(chosen) ? chosen : {}))
  for (const [host, entries] of further) {
    const own = lists.get(host)
    lists.set(host, [...(isList(own) ? own : []), ...entries])
  }
  const roots = new Map<string, readonly SourceRoot[]>()
  for (const [host, entries] of lists) {
    if (!hosts.includes(host))
      faults.push(unknownHost(host in also.paths ? 'sources' : 'paths', host, hosts))
    else if (isList(entries) && entries.length > 0) {
      roots.set(
        host,
        entries.flatMap(entry => readEntry(entry, kind, faults)),
      )
    }
  }
  throwFaults(faults, `${faults.length} faults in paths`)
  return roots
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function unknownHost(argument: string, host: string, hosts: readonly string[]): BkpError {
  return new BkpError('schema.invalid', `${argument}: "${host}" is no host of this step`, {
    hint: didYouMean(host, hosts) ?? `its hosts are ${hosts.join(', ')}`,
  })
}

function readEntry(
  entry: unknown,
  kind: Pick<SourceRoot, 'immutable' | 'immutableFiles'>,
  faults: BkpError[],
): readonly SourceRoot[] {
  const [path, as] = isRecord(entry) ? [entry['path'], entry['as']] : [entry, undefined]
  const source = trimSlashes(typeof path === 'string' ? path : '')
  const root = trimSlashes(typeof as === 'string' ? as : source)
  const fault =
    (source.startsWith('/') ? pathFault(Buffer.from(source)) : 'is not absolute') ??
    pathFault(Buffer.from(root))
  if (fault === undefined) {
    return [{ root: Buffer.from(root), source: Buffer.from(source), ...kind }]
  }
  const shown = as === undefined ? `"${source}"` : `"${source}" as "${root}"`
  faults.push(
    new BkpError('schema.invalid', `paths: ${shown} ${fault}`, {
      hint: 'write an absolute path without empty parts, "." and ".."',
    }),
  )
  return []
}

function trimSlashes(text: string): string {
  return text.replace(/\/+$/, '') || (text === '' ? '' : '/')
}
