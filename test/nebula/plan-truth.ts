import { expect } from 'vitest'
import { treeOf } from '../plans/tree.ts'
import { type Expected, eventsOf, liesOf, printed, type Story, storyOf } from '../plans/truth.ts'
import type { NebulaCluster, ServedCall } from '../servers/nebula/contract.ts'
import { ask } from '../servers/nebula/control.ts'
import { explain, type Outcome } from '../slice/bkp.ts'

/** A cluster, and bkp as a test calls it: `plan` and `run` with the same words. */
export interface Planned {
  readonly cluster: NebulaCluster
  /** Folders of this machine that no plan writes to: of storages. */
  readonly folders: readonly string[]
  plan(): Outcome
  run(): Outcome
}

/** Calls of metad, storaged and graphd that only ask. */
const asking: ReadonlySet<string> = new Set([
  'listHosts',
  'listSpaces',
  'getSpace',
  'listSnapshots',
  'listCluster',
  'getMetaDirInfo',
  'verifyClientVersion',
  // Of graphd: what statements do shows in what metads know.
  'authenticate',
  'execute',
  'signout',
])
/** What daemons tell each other by themselves. */
const among: ReadonlySet<string> = new Set(['heartBeat'])

/**
 * Plans and runs: the plan writes nothing, neither files nor by a call; what it says is sure is done,
 * what it does not show is not, and what is known only later may be either (as test/plans has it).
 */
export async function runAsPlanned(
  { cluster, folders, plan, run }: Planned,
  expected: Expected = {},
): Promise<Outcome> {
  const files = () => [
    ...cluster.hosts.hosts.flatMap(({ name }) => filesOf(cluster, name)),
    ...folders.flatMap(folder => [...treeOf(folder)].map(([path, what]) => `${path} ${what}`)),
  ]
  const before = files()
  const known = await knownTo(cluster)
  const called = await callsOf(cluster)
  const planned = plan()
  expect(planned.status, explain(planned)).toBe(0)
  expect(await callsOf(cluster, called)).toEqual([])
  expect(await knownTo(cluster)).toEqual(known)
  expect(files()).toEqual(before)
  const ran = run()
  const story = storyOf({ ...planned, status: planned.status ?? 1 }, { ...ran, status: 0 })
  // A playbook that only asks does nothing, and its plan shows nothing.
  if (story.done.length > 0) expect(story.shown.length, printed(story)).toBeGreaterThan(0)
  const done = story.done.filter(({ key }) => !settles(story, key))
  expect(liesOf({ ...story, done }, expected), printed(story)).toEqual([])
  return ran
}

/** Releases clean up after a step that a plan shows; it shows none of them (docs/plans.md). */
function settles({ ran }: Story, key: string): boolean {
  return eventsOf(ran).some(
    event =>
      event.event === 'step.planned' &&
      event.settles !== undefined &&
      key.startsWith(`${event.step} `),
  )
}

/** All files of a host's services, but for logs, to which those that run write whenever they like. */
function filesOf(cluster: NebulaCluster, host: string): readonly string[] {
  const find = `find ${cluster.dataDir} ! -name LOG ! -name '*.INFO' -printf '%p %y %m %U:%G %s %i %T@ %C@\\n'`
  return cluster
    .run(host, find)
    .split('\n')
    .filter(Boolean)
    .map(line => `${host} ${line}`)
}

/** Spaces, partitions, counts and jobs as the metad that leads has them. */
async function knownTo(cluster: NebulaCluster): Promise<unknown> {
  const leader = await cluster.leader()
  const { hostname, port } = new URL(`http://${leader.address}`)
  // What storageds and graphds are told; on the port of raft.
  const inner = { ...leader, http: `http://${hostname}:${Number(port) + 1}` }
  const { spaces, parts, stats, jobs } = await ask<Readonly<Record<string, unknown>>>(
    inner,
    '/cluster/catalog',
  )
  return { spaces, parts, stats, jobs }
}

/** Every call of a service that is more than a question, but for those known before. */
async function callsOf(
  { services, calls }: NebulaCluster,
  before: readonly string[] = [],
): Promise<readonly string[]> {
  const all = await Promise.all(
    services.map(async service => {
      // Of a service that nobody called yet Go has null for a list.
      const served = ((await calls(service)) as readonly ServedCall[] | null) ?? []
      return served
        .filter(({ method }) => !(asking.has(method) || among.has(method)))
        .map(({ method, at }) => `${service.role} ${service.address} ${method} ${at}`)
    }),
  )
  const known = new Set(before)
  return all.flat().filter(line => !known.has(line))
}
