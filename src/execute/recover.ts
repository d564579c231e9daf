import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Answers, Probes } from '../connection/contract.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { mannerOn, workedOn } from './manner.ts'
import { readOnlySite } from './site.ts'

/**
 * What an apply that was cut off has left behind, as its module judges it. Undefined: nothing that
 * spares doing it again.
 */
export async function recoverStep(
  environment: Environment,
  request: PerformRequest,
  left: { readonly before: unknown; readonly intent: unknown },
  io: Io,
): Promise<Outcome | undefined> {
  const loaded = await environment.library.load(request.ref.module)
  const args = isRecord(request.args) ? request.args : {}
  if (left.before === undefined) return undefined
  const recovery =
    loaded.scope === 'cluster'
      ? await loaded.module.recover?.(readOnlySite(environment, request), { args, ...left }, io)
      : await loaded.module.recover?.(
          environment.readOnlyHost(workedOn(request), mannerOn(request, workedOn(request))),
          { args, before: left.before as Answers<Probes> },
          io,
        )
  if (recovery?.state !== 'done') return undefined
  return { status: 'changed', result: isRecord(recovery.result) ? recovery.result : {} }
}
