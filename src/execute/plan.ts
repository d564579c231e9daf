import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { Certainty, EngineEvent } from '../events/events.ts'
import { hasUnknown, Unknown } from '../expression/unknown.ts'
import { type Announced, announcedOf } from './announced.ts'
import type { ConfirmRequest, Performer, PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { entryOf } from './library.ts'
import { isHarmless, type Look, look, subjectsOf } from './look.ts'
import { hostsWorkedOn, reachesUnknown, seesUnknown } from './manner.ts'
import { isMeta } from './meta.ts'
import { predictedResult } from './outcome.ts'
import { createOverlay, type Overlay } from './overlay.ts'

type Tell = (event: EngineEvent) => void

export interface Planner extends Performer {
  /** Questions that applying would ask, in order. */
  readonly questions: readonly ConfirmRequest[]
}

/** Answers every step with what its module predicts; looks, but never writes. */
export function createPlanner(environment: Environment): Planner {
  const overlay = createOverlay()
  const questions: ConfirmRequest[] = []
  return Object.freeze({
    questions,
    confirm: async request => {
      // Which steps are done is asked when they are done.
      if (request.stepwise) return 'all'
      questions.push(request)
      return true
    },
    perform: async (request, io, tell) => {
      if (isMeta(request)) return { status: 'ok', result: {} }
      const entry = entryOf(environment.library, request.ref.module)
      const isUnclear = hasUnknown(request.args) || reachesUnknown(request)
      if (isUnclear && !entry.acceptsUnknown) {
        return await unforeseeable(environment, overlay, request, tell)
      }
      return await predict(environment, overlay, request, io, tell)
    },
  } satisfies Planner)
}

/** A step whose arguments exist only after apply: all that is known is that it would be called. */
async function unforeseeable(
  environment: Environment,
  overlay: Overlay,
  request: PerformRequest,
  tell: Tell,
): Promise<Outcome> {
  const entry = entryOf(environment.library, request.ref.module)
  const { module, name } = request.ref
  const certainty: Certainty = request.mayBeSkipped ? 'maybe' : 'unknown'
  const result = predictedResult(entry.returns, {}, `"${name}"`)
  if (entry.readOnly) return { status: 'ok', certainty, result }
  const destructive = entry.destructive || (await mayDestroy(environment, request))
  const changes = hostsWorkedOn(request).map(
    each => ({ action: 'call', target: module, host: each, destructive }) as const,
  )
  announce(request, tell, certainty, { changes })
  for (const each of hostsWorkedOn(request)) {
    overlay.record({ host: each, resources: [], after: new Map(), opaque: true })
  }
  return { status: 'changed', certainty, result }
}

async function mayDestroy(environment: Environment, { ref, args }: PerformRequest) {
  const { module } = await environment.library.load(ref.module)
  return module.mayDestroy?.(isRecord(args) ? args : {}) ?? false
}

async function predict(
  environment: Environment,
  overlay: Overlay,
  request: PerformRequest,
  io: Io,
  tell: Tell,
): Promise<Outcome> {
  const hosts = hostsWorkedOn(request)
  let seen: Look
  try {
    seen = await look(environment, request, io, overlay)
  } catch (thrown) {
    const error = asBkpError(thrown)
    // It may not run at all, or what an earlier step of the plan will do may be what it misses.
    const excusable =
      request.mayBeSkipped ||
      hosts.some(host => overlay.isUncertain(host, { resources: subjectsOf(error), asked: true }))
    if (error.exit === 2 && excusable) {
      return await unforeseeable(environment, overlay, request, tell)
    }
    throw error
  }
  const uncertain =
    (seen.asked && seesUnknown(request)) || hosts.some(host => overlay.isUncertain(host, seen))
  return conclude(environment, overlay, request, seen, uncertain, tell)
}

function conclude(
  environment: Environment,
  overlay: Overlay,
  request: PerformRequest,
  seen: Look,
  uncertain: boolean,
  tell: Tell,
): Outcome {
  const { decision } = seen
  const entry = entryOf(environment.library, request.ref.module)
  const source = `"${request.ref.name}"`
  // A step that looks at nothing cannot be deceived by what it does not look at.
  const looksAtNothing = !seen.asked && seen.resources.length === 0
  const maybe = request.mayBeSkipped || (uncertain && !looksAtNothing)
  if (entry.readOnly && maybe) {
    const result = predictedResult(entry.returns, uncertainFacts(decision), source)
    return { status: 'ok', certainty: 'maybe', result }
  }
  if (decision.kind === 'unchanged' && !maybe) {
    const message = decision.message === undefined ? {} : { message: decision.message }
    return { status: 'ok', result: decision.result, ...message }
  }
  if (isHarmless(decision)) {
    const shown: Certainty = request.mayBeSkipped ? 'maybe' : 'sure'
    // It writes nothing, but what it found may be what later steps were approved for.
    const binds = decision.kind === 'change' && decision.binding !== undefined
    announce(request, tell, shown, announcedOf(environment, request, seen, { binds }), true)
    const known = maybe ? {} : (decision.result ?? {})
    const result = predictedResult(entry.returns, known, source)
    return { status: 'ok', result, ...(request.mayBeSkipped ? { certainty: 'maybe' } : {}) }
  }
  const asIs = decision.kind === 'unchanged'
  const certainty: Certainty = maybe || (!asIs && decision.certainty === 'maybe') ? 'maybe' : 'sure'
  const shown = asIs ? otherwiseOf(seen) : seen
  announce(request, tell, certainty, announcedOf(environment, request, shown, { binds: !asIs }))
  for (const host of hostsWorkedOn(request)) {
    overlay.record({
      host,
      resources: seen.resources,
      ...(seen.seen === undefined ? {} : { seen: seen.seen }),
      after: maybe ? new Map() : seen.after,
      removes: !asIs && decision.changes.some(change => change.action === 'delete'),
      opaque: !asIs && decision.opaque === true,
    })
  }
  const known = maybe ? {} : asIs ? decision.result : (decision.result ?? {})
  return { status: 'changed', certainty, result: predictedResult(entry.returns, known, source) }
}

/** A step that may have something to do after all: what that would be, where its module says so. */
function otherwiseOf(seen: Look): Pick<Look, 'decision' | 'given'> {
  const { decision, given } = seen
  const [first, ...others] = decision.kind === 'unchanged' ? (decision.otherwise ?? []) : []
  if (first === undefined) return seen
  return { given, decision: { kind: 'change', changes: [first, ...others], after: {} } }
}

/** Facts that a step may or may not set are not undefined later, but unknown. */
function uncertainFacts({ result }: Look['decision']): Readonly<Record<string, unknown>> {
  const facts = result?.['ansible_facts']
  if (!isRecord(facts)) return {}
  const unknown = Object.keys(facts).map(name => [name, new Unknown(name)] as const)
  return { ansible_facts: Object.fromEntries(unknown) }
}

function announce(
  request: PerformRequest,
  tell: Tell,
  certainty: Certainty,
  { changes, binding }: Announced,
  informational = false,
): void {
  tell({
    event: 'step.planned',
    ...request.ref,
    changes,
    certainty,
    destructive: changes.some(change => change.destructive),
    ...(binding === undefined ? {} : { binding }),
    ...(informational ? { informational } : {}),
  })
}
