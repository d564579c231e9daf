import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Answers, Probes } from '../connection/contract.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { EngineEvent } from '../events/events.ts'
import { defaultApply } from '../modules/apply-commands.ts'
import type { ConfirmRequest, Performer, PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { type Look, look, plannedChanges } from './look.ts'
import { writableSite } from './site.ts'

export interface ApplierOptions {
  readonly environment: Environment
  /** Decides a question: answered beforehand, asked at a terminal, or refused. */
  readonly confirm: (request: ConfirmRequest) => Promise<boolean>
  /** Resolves when the journal is on disk. */
  readonly synced: () => Promise<void>
}

/** Does what the steps say: each is looked at once, just before it runs. */
export function createApplier({ environment, confirm, synced }: ApplierOptions): Performer {
  return Object.freeze({
    confirm,
    perform: async (request, io, tell) => {
      const seen = await look(environment, request, io)
      const { decision } = seen
      if (decision.kind === 'unchanged') {
        const message = decision.message === undefined ? {} : { message: decision.message }
        return { status: 'ok', result: decision.result, ...message }
      }
      announce(request, tell, seen)
      await synced()
      const result = await act(environment, request, seen, io)
      return { status: 'changed', result }
    },
  } satisfies Performer)
}

function announce(
  request: PerformRequest,
  tell: (event: EngineEvent) => void,
  { decision }: Look,
): void {
  const changes = plannedChanges(decision, request.ref.host)
  const destructive = changes.some(change => change.destructive)
  tell({ event: 'step.planned', ...request.ref, changes, certainty: 'sure', destructive })
  tell({ event: 'step.started', ...request.ref })
}

async function act(
  environment: Environment,
  request: PerformRequest,
  seen: Look,
  io: Io,
): Promise<Outcome['result']> {
  const { decision, args, facts, local } = seen
  if (decision.kind === 'unchanged') return decision.result
  const loaded = await environment.library.load(request.ref.module)
  if (loaded.scope === 'cluster') {
    const site = writableSite(environment, request.ref)
    return asResult(await loaded.module.apply(site, { args, facts, changes: decision.changes }, io))
  }
  const host = environment.host(request.ref.host)
  const { module } = loaded
  if (module.apply === undefined) {
    await defaultApply(host, decision, io)
    return asResult(decision.result)
  }
  const input = {
    args,
    facts: facts as Answers<Probes>,
    changes: decision.changes,
    ...(local === undefined ? {} : { local }),
  }
  return asResult(await module.apply(host, input, io))
}

function asResult(value: unknown): Outcome['result'] {
  return isRecord(value) ? value : {}
}
