import { BkpError, throwFaults } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Answers, Probes } from '../connection/contract.ts'
import type { Scope } from '../expression/contract.ts'
import type { AnyModule, Decision, LocalFile, LocalTarget } from '../modules/contract.ts'
import { chaseLinks, linksIn, withAliases } from './aliases.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { entryOf } from './library.ts'
import { mannerOn, workedOn } from './manner.ts'
import type { Overlay } from './overlay.ts'
import { readOnlySite, requireWholeCluster } from './site.ts'

export type Arguments = Readonly<Record<string, unknown>>
export type AnyDecision = Decision<Record<string, unknown>, Record<string, unknown>>

/** What plan and apply get besides arguments and facts. */
export interface Given {
  readonly local?: readonly LocalFile[]
  readonly targets?: readonly LocalTarget[]
  readonly variables?: Scope
}

/** What looking at a step's subject gave: facts, and what the module decided from them. */
export interface Look {
  readonly loaded: AnyModule
  readonly args: Arguments
  readonly facts: unknown
  /** What the driver read for the module besides its probes. */
  readonly given: Given
  readonly decision: AnyDecision
  readonly resources: readonly string[]
  /** What was answered, by the probe's identity; only while planning. */
  readonly seen?: ReadonlyMap<string, unknown>
  /** Predicted facts by probe identity; empty for cluster steps. */
  readonly after: ReadonlyMap<string, unknown>
  /** Some fact was asked of the host itself rather than foretold by an earlier step of the plan. */
  readonly asked: boolean
  /** Identities of the probes that it was asked; only while planning. */
  readonly questions?: ReadonlySet<string>
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
    : await lookAtSite(environment, loaded, request, args, io, overlay)
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
  const given = await lookHere(environment, module, request, args)
  const ask = (probes: Probes) => answer(environment, request, probes, io, overlay)
  const first = module.inspect(args)
  const seen = await ask(first)
  const own = module.resources(args)
  const isPlanning = overlay !== undefined
  const chase = (probes: Probes, facts: Readonly<Record<string, unknown>>) =>
    chaseLinks(linksIn(probes, facts), async more => (await ask(more)).facts)
  const resources = isPlanning ? withAliases(own, await chase(first, seen.facts)) : own
  // Each probe is there: only in the module's own type some may be left out.
  const second = deciding(
    () => (module.inspectFurther?.({ args, facts: seen.facts }) ?? {}) as Probes,
    seen.asked ? resources : [],
  )
  const more = await ask(second)
  const probes = { ...first, ...second }
  const facts = Object.freeze({ ...seen.facts, ...more.facts })
  const asked = seen.asked || more.asked
  const decision = deciding(
    () => module.plan({ args, facts, ...given }) as AnyDecision,
    asked ? resources : [],
  )
  const after = byIdentity(probes, decision.kind === 'unchanged' ? {} : decision.after)
  const looked = { loaded, args, facts, given, decision, after, asked }
  if (!isPlanning) return { ...looked, resources }
  return {
    ...looked,
    resources: withAliases(resources, await chase(probes, facts)),
    seen: byIdentity(probes, facts),
    questions: new Set([...seen.questions, ...more.questions]),
  }
}

const subjects = new WeakMap<BkpError, readonly string[]>()

/** What the facts that led to an error were asked about: where they may yet change, so may the error. */
export function subjectsOf(error: BkpError): readonly string[] {
  return subjects.get(error) ?? []
}

function deciding<T>(decide: () => T, resources: readonly string[]): T {
  try {
    return decide()
  } catch (thrown) {
    if (thrown instanceof BkpError) subjects.set(thrown, resources)
    throw thrown
  }
}

/** What the module wants of the controller: files, places to write, the step's variables. */
async function lookHere(
  environment: Environment,
  module: Extract<AnyModule, { scope: 'host' }>['module'],
  { ref, variables, searchPath }: PerformRequest,
  args: Arguments,
): Promise<Given> {
  const local = module.local?.(args)
  const targets = module.targets?.(args, { host: ref.host })
  return {
    ...(local === undefined ? {} : { local: await environment.localFiles(local, searchPath) }),
    ...(targets === undefined ? {} : { targets: await environment.localTargets(targets) }),
    ...(variables === undefined ? {} : { variables }),
  }
}

interface Answered {
  readonly facts: Answers<Probes>
  readonly asked: boolean
  /** Identities of the probes that the host was asked; none but while planning. */
  readonly questions: readonly string[]
}

/** Answers of one round: foretold ones, and those of the host; none open needs no connection. */
async function answer(
  environment: Environment,
  request: PerformRequest,
  probes: Probes,
  io: Io,
  overlay: Overlay | undefined,
): Promise<Answered> {
  const host = workedOn(request)
  const foretold = predictions(probes, host, overlay)
  const open = Object.fromEntries(Object.entries(probes).filter(([name]) => !foretold.has(name)))
  const asked = Object.keys(open).length > 0
  const answers = asked
    ? await environment.readOnlyHost(host, mannerOn(request, host)).ask(open, io)
    : {}
  const current = overlay === undefined ? answers : correctedBy(overlay, host, open, answers)
  const facts = Object.freeze({ ...current, ...Object.fromEntries(foretold) })
  const questions = overlay === undefined ? [] : Object.values(open).map(probe => probe.identity)
  return { facts: facts as Answers<Probes>, asked, questions }
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

function correctedBy(
  overlay: Overlay,
  host: string,
  probes: Probes,
  answers: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(answers).map(([name, value]) => {
    const identity = probes[name]?.identity
    return [name, identity === undefined ? value : overlay.corrected(host, identity, value)]
  })
  return Object.fromEntries(entries)
}

function byIdentity(
  probes: Probes,
  facts: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, value] of Object.entries(facts)) {
    const probe = probes[name]
    if (probe !== undefined) found.set(probe.identity, value)
  }
  return found
}

async function lookAtSite(
  environment: Environment,
  loaded: Extract<AnyModule, { scope: 'cluster' }>,
  request: PerformRequest,
  args: Arguments,
  io: Io,
  overlay: Overlay | undefined,
): Promise<Look> {
  const { module } = loaded
  if (module.worksWithMissing !== true) requireWholeCluster(environment, request.ref, args)
  // Only a plan foretells: without its overlay the step is applied next.
  const site = readOnlySite(environment, request, { appliesNow: overlay === undefined })
  const facts = await module.inspect(site, args, io)
  const decision = module.plan({ args, facts }) as AnyDecision
  return {
    loaded,
    args,
    facts,
    given: {},
    decision,
    resources: module.resources(args),
    after: new Map(),
    asked: true,
  }
}

/** It has to be done, but changes nothing. */
export function isHarmless(decision: AnyDecision): boolean {
  return decision.kind === 'change' && decision.changesNothing === true
}
