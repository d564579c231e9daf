import { asBkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import { mask, Secret } from '../base/secret.ts'
import type { Answers, Probes } from '../connection/contract.ts'
import { succeeds } from '../connection/probes.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { EngineEvent } from '../events/events.ts'
import { defaultApply } from '../modules/apply-commands.ts'
import { type Announced, announcedOf } from './announced.ts'
import { predictStep } from './check-mode.ts'
import { createWatchdogs, type Watchdogs } from './deadline/watchdogs.ts'
import { detach, isDetached, withJob } from './detached.ts'
import type { Performer, PerformRequest, Teller } from './driver.ts'
import type { Environment } from './environment.ts'
import { neverBegan } from './limits.ts'
import { isHarmless, type Look, look } from './look.ts'
import { mannerOn, workedOn } from './manner.ts'
import { isMeta, performMeta } from './meta.ts'
import { outcomeOfError } from './outcome.ts'
import { writableSite } from './site.ts'

export interface ApplierOptions {
  readonly environment: Environment
  /** Decides a question: answered beforehand, asked at a terminal, or refused. */
  readonly confirm: Performer['confirm']
  /** Resolves when the journal is on disk. */
  readonly synced: () => Promise<void>
  /** Of the run; without them, those of the applier itself. */
  readonly watchdogs?: Watchdogs
  /** What was approved: throws for a step that would do more. Asked before anything is written. */
  readonly guard?: Guard
}

/** @throws plan.stale */
export type Guard = (request: PerformRequest, announced: Announced) => void

/** Does what the steps say: each is looked at once, just before it runs. */
export function createApplier(options: ApplierOptions): Performer {
  const { environment, confirm, synced, guard } = options
  const watchdogs = options.watchdogs ?? createWatchdogs(environment)

  const performStep = async (request: PerformRequest, io: Io, tell: Teller): Promise<Outcome> => {
    let seen: Look
    let announced: Announced
    try {
      seen = await look(environment, request, io)
      announced = announcedOf(environment, request, seen, { binds: guard !== undefined })
      if (!isHarmless(seen.decision)) guard?.(request, announced)
      if (request.owes && !seen.asked) await reach(environment, request, io)
      await watchdogs.arm(request, seen, io)
    } catch (thrown) {
      return { ...outcomeOfError(thrown, request), notBegun: true }
    }
    const { decision } = seen
    const detaches = isDetached(request)
    if (decision.kind === 'unchanged' && !detaches) {
      const message = decision.message === undefined ? {} : { message: decision.message }
      const { result } = decision
      return { status: 'ok', result, ...message, ...withheldIf(environment, result) }
    }
    announce(request, tell, seen, announced)
    try {
      await synced()
    } catch (thrown) {
      // What is held must be let go, recorded or not: to do it twice is no harm, never is.
      if (!isSettlement(request)) return { ...outcomeOfError(thrown, request), notBegun: true }
      const { message } = asBkpError(thrown)
      tell({ event: 'notice', level: 'warning', message: `${message}; put right all the same` })
    }
    const result = await (detaches ? detach : act)(environment, request, seen, io)
    const status = hasChanged(seen, result) ? 'changed' : 'ok'
    return { status, result, ...withheldIf(environment, result) }
  }

  return Object.freeze({
    confirm,
    perform: async (request, io, tell) => {
      if (io.signal.aborted) return neverBegan(io.signal)
      if (isMeta(request)) return await performMeta(environment, request)
      if (request.checkMode === true) return await predictStep(environment, request, io, tell)
      await pauseBefore(request, environment, io)
      const ran = await watchdogs.ranRelease(request, io)
      if (ran !== undefined) return ran
      const outcome = withJob(
        request,
        await watchdogs.guard(request, io, guarded => performStep(request, guarded, tell)),
        environment.random,
      )
      if (request.part === 'release') await watchdogs.disarm(request, io, tell)
      return outcome
    },
  } satisfies Performer)
}

/** Whether the request puts right what an earlier step holds or did. */
function isSettlement({ part }: PerformRequest): boolean {
  return part === 'release' || part === 'rollback'
}

/** What could not be settled may work in a moment: 1 s before the second attempt, 2 s before the third. */
async function pauseBefore(
  { attempt = 1 }: PerformRequest,
  { clock }: Environment,
  io: Io,
): Promise<void> {
  if (attempt > 1) await clock.sleep(1000 * (attempt - 1), io.signal)
}

/** A host that cannot be reached before the step begins owes nothing for it. */
async function reach(environment: Environment, request: PerformRequest, io: Io): Promise<void> {
  const host = workedOn(request)
  const read = environment.readOnlyHost(host, mannerOn(request, host))
  await read.ask({ reached: succeeds('true') }, io)
}

function announce(
  request: PerformRequest,
  tell: (event: EngineEvent) => void,
  seen: Look,
  announced: Announced,
): void {
  if (!isHarmless(seen.decision)) {
    const destructive = announced.changes.some(change => change.destructive)
    tell({
      event: 'step.planned',
      ...request.ref,
      ...announced,
      certainty: 'sure',
      destructive,
    })
  }
  tell({ event: 'step.started', ...request.ref, ...leftBehind(seen) })
}

/** What `recover` needs after a crash; modules without it are simply looked at anew. */
function leftBehind({ loaded, args, facts }: Look): {
  readonly before?: unknown
  readonly intent?: unknown
} {
  const { module } = loaded
  if (module.recover === undefined) return {}
  if (loaded.scope === 'host') return { before: facts }
  return { before: facts, intent: loaded.module.intent?.({ args, facts }) }
}

async function act(
  environment: Environment,
  request: PerformRequest,
  seen: Look,
  io: Io,
): Promise<Outcome['result']> {
  const { decision, args, facts, given } = seen
  if (decision.kind === 'unchanged') return decision.result
  const { loaded } = seen
  if (loaded.scope === 'cluster') {
    const site = writableSite(environment, request)
    const left = request.left?.intent === undefined ? {} : { left: request.left.intent }
    const input = { args, facts, changes: decision.changes, ...left }
    return asResult(await loaded.module.apply(site, input, io))
  }
  const name = workedOn(request)
  const host = environment.host(name, mannerOn(request, name))
  const { module } = loaded
  if (module.apply === undefined) {
    await defaultApply(host, decision, io)
    return asResult(decision.result)
  }
  const input = {
    args,
    facts: facts as Answers<Probes>,
    changes: decision.changes,
    ...given,
    writeTarget: environment.writeTarget,
  }
  return asResult(await module.apply(host, input, io))
}

/** Most modules know before; for some only what they did tells. */
function hasChanged({ loaded, args, decision, facts }: Look, result: Outcome['result']): boolean {
  if (isHarmless(decision) || decision.kind === 'unchanged') return false
  if (loaded.scope === 'cluster') return loaded.module.changed?.({ args, facts, result }) ?? true
  return loaded.module.changed?.({ args, facts: facts as Answers<Probes>, result }) ?? true
}

/** A result that holds a secret is used, but never written down. */
function withheldIf(environment: Environment, result: unknown): { readonly withheld?: true } {
  const text = JSON.stringify(result, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value instanceof Secret ? mask : value,
  )
  return text.includes(mask) || environment.redactor.redact(text) !== text ? { withheld: true } : {}
}

function asResult(value: unknown): Outcome['result'] {
  return isRecord(value) ? value : {}
}
