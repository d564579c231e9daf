import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Command, ReadOnlyHost } from '../../connection/contract.ts'
import { type FileFacts, file } from '../../connection/probes.ts'
import { runCommand } from '../apply-commands.ts'
import { clusterName, hostPath } from '../arguments.ts'
import { type Change, defineClusterModule, type WritableSite } from '../contract.ts'
import { nebulaCluster } from './shared/cluster.ts'

interface Arguments {
  readonly cluster: string
  readonly paths: Readonly<Record<string, readonly string[]>>
  readonly tag: string
  readonly undo?: boolean
}

/** One file and where it is kept. */
interface Place {
  readonly host: string
  readonly path: string
  readonly aside: string
  readonly live: FileFacts['kind']
  readonly kept: FileFacts['kind']
}

interface Facts {
  readonly places: readonly Place[]
}

export const setAside = defineClusterModule({
  name: 'nebula.set_aside',
  summary:
    'Rename files of services, such as cluster.id, out of their way, or back; deletes nothing.',
  args: Type.Object(
    {
      cluster: clusterName(),
      paths: Type.Record(Type.String(), Type.Array(hostPath('A file.')), {
        description:
          'Files by host of the inventory, absolute; those that are not there are left out.',
      }),
      tag: Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
        description: 'What names end in while they are kept: .bkp-TAG.',
      }),
      undo: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Put them back; a file that is there by now is kept as .bkp-TAG-new.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      renamed: Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'By host: the files that were set aside, or put back, under their own names.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: ({ paths }) => [...new Set(Object.values(paths).flat())].map(path => `file:${path}`),
  inspect: async (site, args: Arguments, io): Promise<Facts> => {
    nebulaCluster(site, args.cluster)
    return { places: await findPlaces(site.hosts, args, io) }
  },
  plan: ({ args, facts: { places } }) => {
    const pending = places.filter(place => isPending(place, args))
    requireFiles(pending)
    const [first, ...others] = pending.map(place => describe(place, args))
    if (first === undefined) {
      const message = args.undo === true ? 'nothing is kept aside' : 'nothing is in the way'
      return { kind: 'unchanged', result: { renamed: {} }, message }
    }
    return {
      kind: 'change',
      changes: [first, ...others],
      after: {},
      result: { renamed: byHost(pending) },
      binding: {
        paths: pending.map(({ host, path }) => `${host}:${path}`),
        undo: args.undo === true,
      },
    }
  },
  apply: async (site, { args }, io) => {
    const places = await findPlaces(site.hosts, args, io)
    const pending = places.filter(place => isPending(place, args))
    requireFiles(pending)
    await Promise.all(pending.map(place => rename(site, place, args, io)))
    return { renamed: byHost(pending) }
  },
  recover: async (site, { args, before }, io) => {
    const places = await findPlaces(site.hosts, args, io)
    // What is left is done by doing it again.
    if (places.some(place => isPending(place, args))) return { state: 'not_started' }
    const renamed = byHost(before.places.filter(place => isPending(place, args)))
    return { state: 'done', result: { renamed } }
  },
})

/** A file that is there again since it was set aside is not the one that was in the way. */
function isPending({ live, kept }: Place, { undo }: Arguments): boolean {
  return undo === true ? kept !== 'absent' : live !== 'absent' && kept === 'absent'
}

async function findPlaces(
  hosts: readonly ReadOnlyHost[],
  { paths, tag }: Arguments,
  io: Io,
): Promise<readonly Place[]> {
  const found = await Promise.all(
    Object.entries(paths).map(async ([name, own]): Promise<readonly Place[]> => {
      const host = hosts.find(one => one.name === name)
      if (host === undefined) {
        throw new BkpError('schema.invalid', `paths: no host ${name} takes part`, {
          hint: `hosts are: ${hosts.map(one => one.name).join(', ')}`,
        })
      }
      const asked = [...new Set(own)].map(path => ({ path, aside: `${path}.bkp-${tag}` }))
      const probes = Object.fromEntries(
        asked.flatMap(({ path, aside }) => [
          [path, file(path)],
          [aside, file(aside)],
        ]),
      )
      const answers = await host.ask(probes, io)
      const kindOf = (path: string): FileFacts['kind'] => answers[path]?.kind ?? 'absent'
      return asked.map(({ path, aside }) => ({
        host: name,
        path,
        aside,
        live: kindOf(path),
        kept: kindOf(aside),
      }))
    }),
  )
  return found.flat()
}

/** Folders with data are renamed by stages, which know how to go back. @throws step.failed */
function requireFiles(places: readonly Place[]): void {
  for (const { host, path, live, kept } of places) {
    if (live !== 'directory' && kept !== 'directory') continue
    throw new BkpError('step.failed', `${path} on ${host} is a folder: only files are set aside`, {
      hint: 'folders are set aside with nebula.stage_empty and repository.swap',
    })
  }
}

/** Renames one, never over another. */
const toAside = '[ ! -e "$2" ] && [ ! -L "$2" ] || exit 1; mv -n -- "$1" "$2" && [ ! -e "$1" ]'

/** Back in two renames; killed between them, it goes on with the second. */
const toLive = [
  'if [ -e "$1" ] || [ -L "$1" ]; then',
  '  n=$2-new i=1',
  '  while [ -e "$n" ] || [ -L "$n" ]; do n=$2-new$i; i=$((i + 1)); done',
  '  mv -n -- "$1" "$n" || exit 1',
  'fi',
  'mv -n -- "$2" "$1" && [ ! -e "$2" ]',
].join('\n')

function commandOf({ path, aside }: Place, { undo }: Arguments): Command {
  return { argv: ['/bin/sh', '-c', undo === true ? toLive : toAside, 'sh', path, aside] }
}

async function rename(site: WritableSite, place: Place, args: Arguments, io: Io): Promise<void> {
  const host = site.hosts.find(({ name }) => name === place.host)
  if (host !== undefined) await runCommand(host, commandOf(place, args), io)
}

function describe({ host, path, aside, live }: Place, { undo }: Arguments): Change {
  const notes =
    undo !== true
      ? [`it is kept as ${aside}`]
      : [
          `it comes back from ${aside}`,
          ...(live === 'absent' ? [] : [`the one there is kept as ${aside}-new`]),
        ]
  return { action: 'update', target: path, host, notes }
}

function byHost(places: readonly Place[]): Record<string, string[]> {
  const paths: Record<string, string[]> = {}
  for (const { host, path } of places) paths[host] = [...(paths[host] ?? []), path]
  return paths
}
