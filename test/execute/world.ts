import { type TObject, Type } from 'typebox'
import { systemRandom } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { createRedactor } from '../../src/base/secret.ts'
import type { Command, Host, Manner, Probes, ReadOnlyHost } from '../../src/connection/contract.ts'
import { succeeds } from '../../src/connection/probes.ts'
import type { Environment } from '../../src/execute/environment.ts'
import { createLibrary } from '../../src/execute/library.ts'
import type { JsonSchema, ModuleEntry } from '../../src/modules/catalogue.ts'
import {
  type AnyModule,
  change,
  defineClusterModule,
  defineModule,
  unchanged,
} from '../../src/modules/contract.ts'

/** A unit that is started or stopped: enough to see predictions feed later steps. */
const unit = defineModule({
  name: 'unit',
  summary: 'Start or stop a unit.',
  args: Type.Object({ name: Type.String(), state: Type.String() }),
  returns: Type.Object({ pid: Type.Number() }),
  resources: ({ name }) => [`unit:${name}`],
  inspect: ({ name }) => ({ active: succeeds('is-active', name) }),
  plan: ({ args, facts }) => {
    const active = args.state === 'started'
    return facts.active === active
      ? unchanged({ pid: 7 })
      : change(
          [
            {
              action: 'run',
              target: args.name,
              commands: [{ argv: ['ctl', args.state, args.name] }],
            },
          ],
          { active },
        )
  },
})

/** A command of which nothing can be foretold. */
const opaque = defineModule({
  name: 'opaque',
  summary: 'Run something.',
  args: Type.Object({}),
  returns: Type.Object({ rc: Type.Number() }),
  resources: () => [],
  inspect: () => ({}),
  plan: () => ({
    kind: 'change' as const,
    changes: [{ action: 'run' as const, target: 'opaque', commands: [{ argv: ['opaque'] }] }],
    after: {},
    certainty: 'maybe' as const,
    opaque: true,
  }),
})

/** Reads only. */
const look = defineModule({
  name: 'look',
  summary: 'Look at a unit.',
  args: Type.Object({ name: Type.String() }),
  returns: Type.Object({ active: Type.Boolean() }),
  readOnly: true,
  resources: ({ name }) => [`unit:${name}`],
  inspect: ({ name }) => ({ active: succeeds('is-active', name) }),
  plan: ({ facts }) => unchanged({ active: facts.active }),
})

/** Fails where the unit is not as something else made it. */
const needs = defineModule({
  name: 'needs',
  summary: 'Need a unit.',
  args: Type.Object({ name: Type.String() }),
  returns: Type.Object({}),
  resources: ({ name }) => [`unit:${name}`],
  inspect: ({ name }) => ({ installed: succeeds('is-installed', name) }),
  plan: ({ args, facts }) => {
    if (facts.installed) return unchanged()
    throw new BkpError('step.failed', `${args.name} is not installed`)
  },
})

/** Cannot even ask all it wants to know where the unit is not as something else made it. */
const asksMore = defineModule({
  name: 'asks_more',
  summary: 'Need a unit before asking.',
  args: Type.Object({ name: Type.String() }),
  returns: Type.Object({}),
  resources: ({ name }) => [`unit:${name}`],
  inspect: ({ name }) => ({ installed: succeeds('is-installed', name) }),
  inspectFurther: ({ args, facts }) => {
    if (facts.installed) return {}
    throw new BkpError('step.failed', `${args.name} is not installed`)
  },
  plan: () => unchanged(),
})

/** Has to be done, but changes nothing. */
const wait = defineModule({
  name: 'wait',
  summary: 'Wait.',
  args: Type.Object({}),
  returns: Type.Object({ elapsed: Type.Number(), port: Type.Number() }),
  resources: () => [],
  inspect: () => ({}),
  plan: () => ({
    kind: 'change' as const,
    changes: [{ action: 'run' as const, target: 'wait' }],
    after: {},
    changesNothing: true,
    result: { port: 80 },
  }),
  apply: async () => ({ elapsed: 3, port: 80 }),
})

/** Only its result tells whether it changed anything. */
const decide = defineModule({
  name: 'decide',
  summary: 'Change something, or nothing.',
  args: Type.Object({ changes: Type.Boolean() }),
  returns: Type.Object({ did: Type.Boolean() }),
  resources: () => [],
  inspect: () => ({}),
  plan: () => ({
    kind: 'change' as const,
    changes: [{ action: 'run' as const, target: 'decide' }],
    after: {},
    certainty: 'maybe' as const,
  }),
  apply: async (_host, { args }) => ({ did: args.changes }),
  changed: ({ result }) => result.did,
})

/** Tells which hosts it was given. */
const everywhere = defineClusterModule({
  name: 'everywhere',
  summary: 'Touch all hosts.',
  args: Type.Object({
    cluster: Type.Optional(Type.String()),
    allow_missing: Type.Optional(Type.Array(Type.String())),
  }),
  returns: Type.Object({ hosts: Type.Array(Type.String()) }),
  resources: () => [],
  inspect: async site => site.hosts.map(host => host.name),
  plan: ({ facts }) =>
    change([{ action: 'call', target: facts.join(','), destructive: true }], facts),
  apply: async site => ({ hosts: site.hosts.map(host => host.name) }),
})

/** The same of a cluster. */
const agree = defineClusterModule({
  name: 'agree',
  summary: 'Change something anywhere, or nothing.',
  args: Type.Object({ changes: Type.Boolean() }),
  returns: Type.Object({ did: Type.Boolean() }),
  resources: () => [],
  inspect: async () => ({}),
  plan: () => ({ ...change([{ action: 'call', target: 'agree' }], {}), certainty: 'maybe' }),
  apply: async (_site, { args }) => ({ did: args.changes }),
  changed: ({ result }) => result.did,
})

/** May be left running. */
const job = defineModule({
  name: 'job',
  summary: 'Run a job.',
  args: Type.Object({ needed: Type.Optional(Type.Boolean()) }),
  returns: Type.Object({ rc: Type.Optional(Type.Number()), unrun: Type.Optional(Type.String()) }),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) =>
    args.needed === false
      ? { kind: 'unchanged' as const, result: { rc: 0 }, message: 'nothing to do' }
      : {
          kind: 'change' as const,
          changes: [{ action: 'run' as const, target: 'job' }],
          after: {},
        },
  apply: async host => {
    const { code } = await host.run({ argv: ['job'] }, quietIo)
    return { rc: code ?? 1 }
  },
  detach: async (host, { seconds, unrun }) => {
    await host.run({ argv: ['detach', String(seconds), unrun ?? '-'] }, quietIo)
    return { started: true, finished: false, ansible_job_id: 'j1', results_file: '/j1/end' }
  },
})

const modules = [unit, opaque, look, needs, asksMore, wait, decide, agree, job, everywhere]

/** What the hosts of a test are and were told. */
export interface World {
  readonly environment: Environment
  /** `host: words` of every command that ran. */
  readonly ran: string[]
  /** `host identity` of every probe that was asked. */
  readonly asked: string[]
  /** How each host was opened. */
  readonly manners: (readonly [host: string, manner: Manner])[]
  /** Hosts whose connection was reset. */
  readonly reset: string[]
}

/** Hosts that answer from a table; everything they are told to run is recorded and works. */
export function createWorld(options: {
  readonly hosts?: readonly string[]
  readonly active?: Readonly<Record<string, boolean>>
  readonly unreachable?: readonly string[]
}): World {
  const { hosts = ['a', 'b'], active = {}, unreachable = [] } = options
  const ran: string[] = []
  const asked: string[] = []
  const manners: [string, Manner][] = []
  const reset: string[] = []
  const state = new Map(Object.entries(active))
  const ask = async (host: string, probes: Probes): Promise<Record<string, unknown>> => {
    if (unreachable.includes(host)) throw new BkpError('ssh.unreachable', `${host} is away`)
    return Object.fromEntries(
      Object.entries(probes).map(([name, probe]) => {
        asked.push(`${host} ${probe.identity}`)
        return [name, state.get(`${host} ${nameIn(probe.identity)}`) ?? false]
      }),
    )
  }
  const readOnly = (name: string): ReadOnlyHost =>
    ({
      name,
      transport: 'test',
      ask: (probes: Probes) => ask(name, probes),
    }) as unknown as ReadOnlyHost
  const host = (name: string): Host =>
    ({
      ...readOnly(name),
      run: async ({ argv }: Command) => {
        ran.push(`${name}: ${argv.join(' ')}`)
        const [, verb, of] = argv.map(String)
        if (verb === 'started' || verb === 'stopped') state.set(`${name} ${of}`, verb === 'started')
        return { code: 0, stdout: new Uint8Array(), stderr: new Uint8Array(), truncated: false }
      },
    }) as unknown as Host
  const cluster = {
    name: 'graph',
    kind: 'files',
    roles: { node: hosts },
    hosts,
    settings: {},
    place: { file: 'inventory.yml', line: 1, column: 1 },
  }
  const environment: Environment = {
    clusterKinds: [],
    library: createLibrary({
      catalogue: {
        get: name => entries.find(entry => entry.name === name),
        names: () => entries.map(entry => entry.name),
      },
      loaders: Object.fromEntries(
        modules.map(module => [
          module.name,
          async () => ({ scope: module.scope, module }) as unknown as AnyModule,
        ]),
      ),
      check: () => [],
    }),
    inventory: {
      hosts: new Map(hosts.map(name => [name, { name, groups: [], variables: [] }])),
      groups: new Map([['all', hosts]]),
      clusters: new Map([['graph', cluster]]),
      storages: new Map(),
      documents: [],
      warnings: [],
    },
    run: { id: 'run', startedAt: new Date(0), toolVersion: '0', documents: [] },
    clock: { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => {} },
    random: systemRandom,
    host: (name, manner = {}) => {
      manners.push([name, manner])
      return host(name)
    },
    readOnlyHost: (name, manner = {}) => {
      manners.push([name, manner])
      return readOnly(name)
    },
    resetConnection: async name => {
      reset.push(name)
    },
    storage: () => {
      throw new Error('no storage here')
    },
    readOnlyStorage: () => {
      throw new Error('no storage here')
    },
    localFiles: async () => [],
    localTargets: async () => [],
    writeTarget: () => Promise.reject(new Error('nothing is written here')),
    redactor: createRedactor(),
  }
  return { environment, ran, asked, manners, reset }
}

function nameIn(identity: string): string {
  return /is-active","([^"]+)"/.exec(identity)?.[1] ?? identity
}

const entries: readonly ModuleEntry[] = modules.map(
  (module: {
    readonly name: string
    readonly summary: string
    readonly scope: 'host' | 'cluster'
    readonly args: TObject
    readonly returns: TObject
    readonly readOnly?: boolean
    readonly destructive?: boolean
  }) => ({
    name: module.name,
    summary: module.summary,
    scope: module.scope,
    args: module.args as unknown as JsonSchema,
    returns: module.returns as unknown as JsonSchema,
    acceptsUnknown: false,
    destructive: module.destructive ?? false,
    readOnly: module.readOnly ?? false,
  }),
)
