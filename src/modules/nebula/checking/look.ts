import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { readInstances } from '../../../databases/nebula/read-instances.ts'
import { type ClusterState, readState } from '../../../databases/nebula/topology/state.ts'
import type { Site } from '../../contract.ts'
import { metaReader, type NebulaCluster } from '../shared/cluster.ts'
import { checkHostOrTell } from './check-host.ts'
import { type Jobs, jobText, readJobs } from './check-jobs.ts'
import { checkListeners } from './check-listeners.ts'
import { checkDirectories, checkState } from './check-state.ts'
import { compareWithNewest } from './check-storage.ts'
import { asFault, type Fault, type Findings, together, toTell } from './fault.ts'

/** The arguments of `nebula.check`. */
export interface CheckArguments {
  readonly cluster: string
  readonly storage?: string
  readonly backup_space_factor?: number
  readonly wait_for_jobs?: string
  readonly graphd?: boolean
  readonly allow_missing?: readonly string[]
}

/** All that a look without writing tells. */
export interface CheckFacts extends Findings {
  readonly instances: readonly Instance[]
  readonly state?: ClusterState
  readonly dataBytes: number
  readonly jobs: Jobs
}

const defaultSpaceFactor = 0.1
const noJobs: Jobs = { refusing: [], others: [], isAsked: false }

/** Looks at hosts, metads, graphd and storage; whatever goes wrong is a fault among the others. */
export async function lookAtAll(
  site: Site,
  cluster: NebulaCluster,
  args: CheckArguments,
  io: Io,
): Promise<CheckFacts> {
  const missing = missingHosts(site.hosts, cluster, args)
  const read = await readAllInstances(site.hosts, cluster, io)
  const perHost = await Promise.all(
    read.hosts.map(({ host, instances }) => {
      const user = cluster.settings.service_user
      const request = {
        instances,
        ...(user === undefined ? {} : { serviceUser: user }),
        spaceFactor: args.backup_space_factor ?? defaultSpaceFactor,
        needsGraphd: args.graphd === true,
      }
      return checkHostOrTell(host, request, site.run.clock, io)
    }),
  )
  const instances = read.hosts.flatMap(each => each.instances)
  const known = new Set(read.hosts.map(({ host }) => host.name))
  const unread = cluster.hosts.filter(name => !known.has(name))
  const asked = await askMetads(site, cluster, { instances, unread }, args, io)
  const newest =
    args.storage === undefined
      ? []
      : [
          await compareWithNewest(
            site.storage(args.storage),
            cluster.name,
            { instances, ...asked },
            io,
          ),
        ]
  return {
    ...together([missing, read, ...perHost, asked, ...newest]),
    instances,
    ...(asked.state === undefined ? {} : { state: asked.state }),
    dataBytes: perHost.reduce((sum, { dataBytes }) => sum + dataBytes, 0),
    jobs: asked.jobs,
  }
}

function missingHosts(
  hosts: readonly ReadOnlyHost[],
  cluster: NebulaCluster,
  { allow_missing: allowed = [] }: CheckArguments,
): Findings {
  const present = new Set(hosts.map(({ name }) => name))
  const absent = cluster.hosts.filter(name => !present.has(name))
  return {
    faults: absent
      .filter(name => !allowed.includes(name))
      .map(host => ({
        host,
        what: 'it does not take part: it cannot be reached, or the play leaves it out',
        hint: 'run on all hosts of the cluster, or name it in allow_missing',
      })),
    warnings: absent.filter(name => allowed.includes(name)).map(name => `${name}: not looked at`),
  }
}

interface HostInstances {
  readonly host: ReadOnlyHost
  readonly instances: readonly Instance[]
}

async function readAllInstances(
  hosts: readonly ReadOnlyHost[],
  cluster: NebulaCluster,
  io: Io,
): Promise<Findings & { readonly hosts: readonly HostInstances[] }> {
  const own = hosts.filter(({ name }) => cluster.hosts.includes(name))
  const faults: Fault[] = []
  const read = await Promise.all(
    own.map(async host => {
      try {
        return { host, instances: await readInstances([host], cluster, io) }
      } catch (thrown) {
        faults.push(asFault(toTell(thrown, io), 'see that the host answers', host.name))
        return undefined
      }
    }),
  )
  return { faults, warnings: [], hosts: read.flatMap(each => each ?? []) }
}

async function askMetads(
  site: Site,
  cluster: NebulaCluster,
  {
    instances,
    unread,
  }: { readonly instances: readonly Instance[]; readonly unread: readonly string[] },
  args: CheckArguments,
  io: Io,
): Promise<Findings & { readonly state?: ClusterState; readonly jobs: Jobs }> {
  const reader = await metaReader(site, cluster.name)
  try {
    const state = await readState(reader, io)
    const jobs = await readJobs(reader, state, io)
    const found = together([
      checkState(state, instances, unread),
      await checkDirectories(reader, instances, io),
      jobFindings(jobs, args),
      await checkListeners(reader, state, jobs.problem === undefined, io),
    ])
    return { ...found, state, jobs }
  } catch (thrown) {
    const fault = asFault(toTell(thrown, io), 'see that the metads run and have a leader')
    return { faults: [fault], warnings: [], jobs: noJobs }
  } finally {
    await reader.close()
  }
}

function jobFindings({ refusing, others, problem, isAsked }: Jobs, args: CheckArguments): Findings {
  const faults: Fault[] = []
  const warnings = others.map(job => `a job runs: ${jobText(job)}`)
  const mustAsk = args.graphd === true
  if (problem !== undefined && mustAsk) {
    faults.push({ what: `graphd: ${problem}`, hint: 'check user and password of the cluster' })
  } else if (problem !== undefined) {
    warnings.push(`whether jobs run is not known: ${problem}`)
  } else if (!isAsked && mustAsk) {
    faults.push({ what: 'the inventory has no graphd', hint: 'add hosts to the role graphd' })
  }
  for (const job of refusing) {
    if (args.wait_for_jobs !== undefined) continue
    faults.push({
      what: `a job keeps backups from being made: ${jobText(job)}`,
      hint: 'wait for it (wait_for_jobs: 30m), or end it with STOP JOB',
    })
  }
  return { faults, warnings }
}
