import { BkpError } from '../base/errors.ts'
import { isRecord } from '../base/json.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { workedOn } from './manner.ts'

/** Steps that are about the run itself: most are the engine's own, these need its connections. */
export function isMeta({ ref }: Pick<PerformRequest, 'ref'>): boolean {
  return ref.module === 'meta'
}

/** Does one of them. */
export async function performMeta(
  environment: Pick<Environment, 'resetConnection'>,
  request: PerformRequest,
): Promise<Outcome> {
  const action = isRecord(request.args) ? request.args['action'] : undefined
  if (action !== 'reset_connection') {
    throw new BkpError('internal', `nobody does the meta action ${String(action)}`)
  }
  await environment.resetConnection?.(workedOn(request))
  return { status: 'ok', result: {} }
}
