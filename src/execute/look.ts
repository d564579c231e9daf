import { type BkpError, throwFaults } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Answers, Probes, ReadOnlyHost } from '../connection/contract.ts'
import type { AnyModule, Change, Decision, LocalFile } from '../modules/contract.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { entryOf } from './library.ts'
import type { Overlay } from './overlay.ts'
import { readOnlySite, requireWholeCluster } from './site.ts'

export type Arguments = Readonly<Record<string, unknown>>
type AnyDecision = Decision<Record<string, unknown>, Record<string, unknown>>

/** What looking at a step's subject gave: facts, and what the module decided from them. */
export interface Look {
  readonly loaded: AnyModule
  readonly args: Arguments
  readonly facts: unknown
  readonly local: readonly LocalFile[] | undefined
  readonly decision: AnyDecision
  readonly resources: readonly string[]
  /** Predicted facts by probe identity; empty for cluster steps. */
  readonly after: ReadonlyMap<string, unknown>
  /** Some fact was asked of the host itself rather than foretold by an earlier step of the plan. */
  readonly asked: boolean
}

/**
 * Checks the arguments, asks the host (or the site) what there is, and lets the module decide. Reads
 * only: the same code looks before applying and while planning.
 * @throws schema.invalid for arguments, what probes and the module's plan throw
 */
export async function look(
  environment: Environment,
  request: PerformRequest,
  io: Io,
  overlay?: Overlay,
): Promise<Look> {
  const { library } = environment
  const entry = entryOf(library, request.ref.module)
  const args = isRecord(request.args) ? request.args : {}
  if (!entry.acceptsUnknown || overlay === undefined)
    checkArguments(library.check(entry, args), entry.name)
  const loaded = await library.load(entry.name)
  return loaded.scope === 'host'
    ? await lookAtHost(environment, loaded, request, args, io, overlay)
    : await lookAtSite(environment, loaded, request, args, io)
}

function checkArguments(faults: readonly BkpError[], module: string): void {
  throwFaults(faults, `the arguments of ${module} are not valid`)
}

async function lookAtHost(
  environment: Environment,
  loaded: Extract<AnyModule, { scope: 'host' }>,
  request: PerformRequest,
  args: Arguments,
  io: Io,
  overlay: Overlay | undefined,
): Promise<Look> {
  const { module } = loaded
  const { host } = request.ref
  const probes = module.inspect(args)
  const local =
    module.local === undefined ? undefined : await environment.localFiles(module.local(args))
  const foretold = predictions(probes, host, overlay)
  const open = Object.fromEntries(Object.entries(probes).filter(([name]) => !foretold.has(name)))
  const answers = await askHost(() => environment.readOnlyHost(host), open, io)
  const facts = Object.freeze({ ...answers, ...Object.fromEntries(foretold) })
  const decision = module.plan({
    args,
    facts: facts as Answers<Probes>,
    ...(local === undefined ? {} : { local }),
  }) as AnyDecision
  return {
    loaded,
    args,
    facts,
    local,
    decision,
    resources: module.resources(args),
    after: afterByIdentity(probes, decision),
    asked: Object.keys(open).length > 0,
  }
}

/** A module that asks nothing needs no connection. */
async function askHost(
  host: () => ReadOnlyHost,
  probes: Probes,
  io: Io,
): Promise<Readonly<Record<string, unknown>>> {
  return Object.keys(probes).length === 0 ? {} : await host().ask(probes, io)
}

function predictions(
  probes: Probes,
  host: string,
  overlay: Overlay | undefined,
): ReadonlyMap<string, unknown> {
  const foretold = new Map<string, unknown>()
  for (const [name, probe] of Object.entries(probes)) {
    const predicted = overlay?.predicted(host, probe.identity)
    if (predicted !== undefined) foretold.set(name, predicted.value)
  }
  return foretold
}

function afterByIdentity(probes: Probes, decision: AnyDecision): ReadonlyMap<string, unknown> {
  const after = new Map<string, unknown>()
  if (decision.kind === 'unchanged') return after
  for (const [name, value] of Object.entries(decision.after)) {
    const probe = probes[name]
    if (probe !== undefined) after.set(probe.identity, value)
  }
  return after
}

async function lookAtSite(
  environment: Environment,
  loaded: Extract<AnyModule, { scope: 'cluster' }>,
  request: PerformRequest,
  args: Arguments,
  io: Io,
): Promise<Look> {
  const { module } = loaded
  requireWholeCluster(environment, request.ref, args)
  const facts = await module.inspect(readOnlySite(environment, request.ref), args, io)
  const decision = module.plan({ args, facts }) as AnyDecision
  return {
    loaded,
    args,
    facts,
    local: undefined,
    decision,
    resources: module.resources(args),
    after: new Map(),
    asked: true,
  }
}

/** The changes of a decision as events and plans carry them. */
export function plannedChanges(decision: AnyDecision, host: string): readonly EventChange[] {
  if (decision.kind === 'unchanged') return []
  return decision.changes.map(change => eventChange(change, host))
}

export type EventChange = import('../events/change.ts').Change

function eventChange(change: Change, host: string): EventChange {
  return {
    action: change.action,
    target: change.target,
    host: change.host ?? host,
    destructive: change.destructive ?? false,
    ...(change.bytes === undefined ? {} : { bytes: change.bytes }),
    ...(change.diff === undefined ? {} : { diff: change.diff }),
    ...(change.notes === undefined ? {} : { notes: change.notes }),
  }
}
/** It has to be done, but changes nothing. */
export function isHarmless(decision: AnyDecision): boolean {
  return decision.kind === 'change' && decision.changesNothing === true
}

