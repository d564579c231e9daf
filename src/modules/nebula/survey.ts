import * as Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import { addressText } from '../../databases/nebula/contract.ts'
import { type ClusterState, readState } from '../../databases/nebula/topology/state.ts'
import { clusterName, nameList, storageName } from '../arguments.ts'
import { defineClusterModule, type Site } from '../contract.ts'
import { toTell } from './checking/fault.ts'
import { within } from './checking/wait-for-health.ts'
import { metaReader, nebulaCluster } from './shared/cluster.ts'
import { count, text, textOrNull, texts } from './shared/schemas.ts'
import { countCopies, countMetads, expectedSpaces } from './surveying/count-copies.ts'
import { restoreNeeds, type Survey, surveyLines } from './surveying/describe.ts'
import { readBackups } from './surveying/read-backups.ts'
import { surveyHosts } from './surveying/survey-host.ts'

const closed = { additionalProperties: false }
const list = Type.Array
/** Dead metads are dead: how long they may take to say so. */
const metadsMs = 60_000

export const survey = defineClusterModule({
  name: 'nebula.survey',
  summary: 'Tell after a disaster what is left of a NebulaGraph, and what can be restored.',
  readOnly: true,
  worksWithMissing: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      storage: Type.Optional(storageName()),
      allow_missing: Type.Optional(nameList('Hosts that may be missing: any may, anyway.')),
    },
    closed,
  ),
  returns: Type.Object(
    {
      hosts: list(
        Type.Object(
          {
            host: text('Its name.'),
            answers: Type.Boolean({ description: 'Whether it could be asked.' }),
            reason: textOrNull('Why not, or what of it could not be read.'),
            services: list(
              Type.Object(
                {
                  role: text('metad, storaged or graphd.'),
                  address: text('host:port, as the cluster knows it.'),
                  state: text('running, starting, stopped, closing or unseen.'),
                },
                closed,
              ),
              { description: 'Its services, by processes and ports.' },
            ),
            data: list(
              Type.Object(
                {
                  role: text('metad or storaged.'),
                  address: text('Whose it is.'),
                  path: text('The data path, or --wal_path.'),
                  space: count('The id of the space; 0 of metads.'),
                  database: Type.Boolean({ description: 'RocksDB has its CURRENT there.' }),
                  partitions: list(Type.Number(), { description: 'Those that have logs there.' }),
                },
                closed,
              ),
              { description: 'What its data paths hold.' },
            ),
          },
          closed,
        ),
        { description: 'All hosts of the cluster.' },
      ),
      metads: Type.Object(
        {
          leader: textOrNull('host:port of the one that leads.'),
          reason: textOrNull('Why they say nothing.'),
          expected: count('How many the inventory has.'),
          with_data: texts('host:port of those that have their data.'),
          quorum: Type.Boolean({ description: 'More than half have their data.' }),
        },
        { ...closed, description: 'The metads.' },
      ),
      partitions: list(
        Type.Object(
          {
            space: count('The id of the space.'),
            name: textOrNull('Its name; null where nobody knows.'),
            partition: count('Its number.'),
            replicas: Type.Union([Type.Number(), Type.Null()], {
              description: 'How many copies it should have.',
            }),
            copies: texts('host:port of storageds that have one on their disks.'),
            quorum: Type.Union([Type.Boolean(), Type.Null()], {
              description: 'More than half of its copies are left.',
            }),
          },
          closed,
        ),
        { description: 'Every partition that should be there, or is.' },
      ),
      backups: list(
        Type.Object(
          {
            name: text('Its name.'),
            time: text('When it was taken.'),
            state: text('complete, incomplete, partial or forgotten.'),
            version: textOrNull('The NebulaGraph it is of.'),
            spaces: texts('The spaces that can be restored from it.'),
            all_spaces: Type.Boolean({ description: 'It is of all spaces.' }),
            needs_hosts: texts('Hosts that do not answer and need another in their place.'),
            problem: textOrNull('Why it cannot be restored.'),
          },
          closed,
        ),
        { description: 'The newest backups of the cluster, newest first; five at most.' },
      ),
      damaged: texts('Backups that cannot be read, or why the storage cannot.'),
      lines: texts('The same, for readers.'),
    },
    closed,
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, args, io): Promise<Survey> => {
    const cluster = nebulaCluster(site, args.cluster)
    const hosts = await surveyHosts(site.hosts, cluster, io)
    const { state, reason } = await askMetads(site, args.cluster, site.run.clock, io)
    const { backups, damaged } =
      args.storage === undefined
        ? { backups: [], damaged: [] }
        : await readOrTell(site, args.storage, args.cluster, io)
    const newest = backups.find(({ metadata }) => metadata !== undefined)?.metadata
    const instances = cluster.roles['metad']?.flatMap(
      host => cluster.settings.instances?.metad?.[host] ?? [{}],
    )
    return {
      hosts,
      metads: {
        ...(state === undefined ? {} : { leader: addressText(state.leader) }),
        ...(reason === undefined ? {} : { reason }),
      },
      metad: countMetads(hosts, instances?.length ?? 0),
      partitions: countCopies(hosts, expectedSpaces(state, newest)),
      backups,
      damaged,
      isStorageAsked: args.storage !== undefined,
    }
  },
  plan: ({ facts }) => ({ kind: 'unchanged', result: resultOf(facts) }),
  apply: async (_site, { facts }) => resultOf(facts),
})

async function askMetads(
  site: Site,
  name: string,
  clock: Clock,
  io: Io,
): Promise<{ readonly state?: ClusterState; readonly reason?: string }> {
  try {
    const reader = await metaReader(site, name)
    try {
      const state = await within(clock, metadsMs, io, own => readState(reader, own))
      return state === undefined ? { reason: 'no answer in a minute' } : { state }
    } finally {
      await reader.close()
    }
  } catch (thrown) {
    return { reason: toTell(thrown, io).message }
  }
}

/** After a disaster the storage may be gone, too: the rest is told nevertheless. */
async function readOrTell(site: Site, storage: string, cluster: string, io: Io) {
  const place = site.storage(storage)
  try {
    return await readBackups(place, cluster, io)
  } catch (thrown) {
    return { backups: [], damaged: [toTell(thrown, io).message] }
  }
}

function resultOf(found: Survey) {
  const silent = new Set(found.hosts.filter(({ answers }) => !answers).map(({ host }) => host))
  return {
    hosts: found.hosts.map(({ host, answers, reason, services, spaces }) => ({
      host,
      answers,
      reason: reason ?? null,
      services: services.map(each => ({ ...each })),
      data: spaces.map(({ role, address, folder, space, hasDatabase, partitions }) => ({
        role,
        address,
        path: folder,
        space,
        database: hasDatabase,
        partitions: [...partitions],
      })),
    })),
    metads: {
      leader: found.metads.leader ?? null,
      reason: found.metads.reason ?? null,
      expected: found.metad.expected,
      with_data: [...found.metad.copies],
      quorum: found.metad.quorum,
    },
    partitions: found.partitions.map(each => ({ ...each, copies: [...each.copies] })),
    backups: found.backups.map(({ name, time, state, metadata, problem }) => ({
      name,
      time,
      state,
      version: metadata?.version ?? null,
      spaces: metadata?.spaces.map(space => space.name) ?? [],
      all_spaces: metadata?.all_spaces ?? false,
      needs_hosts: metadata === undefined ? [] : [...restoreNeeds(metadata.roots, silent)],
      problem: problem ?? null,
    })),
    damaged: [...found.damaged],
    lines: [...surveyLines(found)],
  }
}
