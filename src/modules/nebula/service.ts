import * as Type from 'typebox'
import { parseDuration } from '../../base/units.ts'
import { clusterName, duration, nameList } from '../arguments.ts'
import { defineClusterModule, type WritableSite } from '../contract.ts'
import { findUnmanageable, observe } from './serving/observe.ts'
import { isAsWanted, planService, rowOf, type ServiceFacts } from './serving/plan.ts'
import { isMeant, requireKnown, rolesInOrder, type ServiceArguments } from './serving/request.ts'
import { startServices } from './serving/start.ts'
import { stopServices } from './serving/stop.ts'
import type { Work } from './serving/work.ts'
import { instancesOf, metaClient, nebulaCluster } from './shared/cluster.ts'

const defaultTimeout = '5m'

export const service = defineClusterModule({
  name: 'nebula.service',
  summary: 'Start or stop services of NebulaGraph, and wait until they are ready or really gone.',
  args: Type.Object(
    {
      cluster: clusterName(),
      role: Type.Enum(['metad', 'storaged', 'graphd', 'all'], {
        description:
          'Which services; all go down as graphd, storaged, metad, and come up the other way round.',
      }),
      state: Type.Enum(['started', 'stopped'], { description: 'What they shall be.' }),
      hosts: Type.Optional(nameList('Only those on these hosts of the inventory.')),
      instances: Type.Optional(nameList('Only those with these addresses, as host:port.')),
      timeout: Type.Optional(
        duration('How long the services of one role may take together.', {
          default: defaultTimeout,
        }),
      ),
      kill_after: Type.Optional(
        duration('When to end by SIGKILL what has not stopped; never without it.'),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      cluster: Type.String({ description: 'The cluster.' }),
      state: Type.Enum(['started', 'stopped'], { description: 'What they are now.' }),
      services: Type.Array(
        Type.Object(
          {
            address: Type.String({ description: 'The service, as host:port.' }),
            role: Type.String({ description: 'Its role.' }),
            host: Type.String({ description: 'Its host of the inventory.' }),
            changed: Type.Boolean({ description: 'Whether it was not so before.' }),
            seconds: Type.Number({ description: 'How long it took, in seconds.' }),
          },
          { additionalProperties: false },
        ),
        { description: 'All services that were meant.' },
      ),
      seconds: Type.Number({ description: 'How long all took, in seconds.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster }) => [`service:nebula/${cluster}`],
  inspect: async (site, args: ServiceArguments, io): Promise<ServiceFacts> => {
    const { settings } = nebulaCluster(site, args.cluster)
    const all = await instancesOf(site, args.cluster, io)
    requireKnown(all, args)
    const observed = await observe(site.hosts, all, settings, io)
    const services = rolesInOrder(args).flatMap(role =>
      observed.filter(({ instance }) => instance.role === role && isMeant(instance, args)),
    )
    const pending = services.filter(one => !isAsWanted(one, args, settings))
    const instances = pending.map(({ instance }) => instance)
    const unmanageable = await findUnmanageable(site.hosts, instances, settings, io)
    return { settings, services, unmanageable }
  },
  plan: ({ args, facts }) => planService(args, facts),
  apply: async (site, { args, facts }, io) => {
    const { clock } = site.run
    const startedMs = clock.monotonicMs()
    const work = await workOf(site, args, io)
    const roles = rolesInOrder(args).map(
      role => [role, work.all.filter(one => one.role === role && isMeant(one, args))] as const,
    )
    const done =
      args.state === 'started'
        ? await startServices(work, roles, io)
        : await stopServices(work, roles, io)
    const rows = facts.services.map(one => {
      const { address, hostName } = one.instance
      const ended = done.find(
        ({ instance }) =>
          instance.role === one.instance.role &&
          instance.hostName === hostName &&
          instance.address.host === address.host &&
          instance.address.port === address.port,
      )
      return rowOf(one, ended !== undefined, ended?.milliseconds ?? 0)
    })
    const seconds = Math.round((clock.monotonicMs() - startedMs) / 100) / 10
    return { cluster: args.cluster, state: args.state, services: rows, seconds }
  },
  recover: async (site, { args }, io) => {
    const { settings } = nebulaCluster(site, args.cluster)
    const all = await instancesOf(site, args.cluster, io)
    const seen = await observe(site.hosts, all, settings, io)
    const meant = seen.filter(({ instance }) => isMeant(instance, args))
    // Half of it is completed by doing it again, from what runs.
    if (meant.some(one => !isAsWanted(one, args, settings))) return { state: 'not_started' }
    const services = meant.map(one => rowOf(one, true, 0))
    const result = { cluster: args.cluster, state: args.state, services, seconds: 0 }
    return { state: 'done', result }
  },
})

async function workOf(
  site: WritableSite,
  args: ServiceArguments,
  io: Parameters<Work['askMetad']>[1],
): Promise<Work> {
  const { settings } = nebulaCluster(site, args.cluster)
  const all = await instancesOf(site, args.cluster, io)
  return {
    hosts: site.hosts,
    all,
    settings,
    clock: site.run.clock,
    timeoutMs: parseDuration(args.timeout ?? defaultTimeout),
    ...(args.kill_after === undefined ? {} : { killAfterMs: parseDuration(args.kill_after) }),
    askMetad: async (address, metadIo) => {
      const client = await metaClient(site, args.cluster)
      try {
        await client.metaDirectories(address, metadIo)
      } finally {
        await client.close()
      }
    },
  }
}
