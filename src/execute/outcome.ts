import { asBkpError, type BkpError } from '../base/errors.ts'
import { isRecord } from '../base/json.ts'
import type { Outcome } from '../engine/protocol.ts'
import { failureOf } from '../events/failure.ts'
import { Unknown } from '../expression/unknown.ts'
import type { JsonSchema } from '../modules/catalogue.ts'
import type { PerformRequest } from './driver.ts'

/** What a step that threw amounts to; exit status 4 is for what could not be reached. */
export function outcomeOfError(thrown: unknown, request: PerformRequest): Outcome {
  const error = asBkpError(thrown)
  const { result, blame } = detailsOf(error)
  const failure = failureOf(error)
  const { delegate, ref } = request
  if (error.exit === 4 && delegate !== undefined && delegate !== ref.host) {
    const message = `${delegate}, to which the step of ${ref.host} is delegated, cannot be reached: ${failure.message}`
    return {
      status: 'unreachable',
      result,
      failure: { ...failure, message },
      delegateDown: delegate,
    }
  }
  return {
    status: error.exit === 4 ? 'unreachable' : 'failed',
    result,
    failure,
    // Whatever a command did before it ended badly is done (as Ansible counts it).
    ...(typeof result['rc'] === 'number' ? { changed: true as const } : {}),
    // A delegate that did the step is not at fault: it stands for the host.
    ...(blame !== undefined && blame !== delegate && ref.hosts?.includes(blame) ? { blame } : {}),
  }
}

/** What a module leaves in its error: the result to register, and the host at fault. */
function detailsOf(error: BkpError): {
  readonly result: Readonly<Record<string, unknown>>
  readonly blame: string | undefined
} {
  const { result, host } = error.details
  return {
    result: isRecord(result) ? result : {},
    blame: typeof host === 'string' ? host : undefined,
  }
}

/** A result of which only the predicted fields are known. */
export function predictedResult(
  returns: JsonSchema,
  known: Readonly<Record<string, unknown>>,
  source: string,
): Readonly<Record<string, unknown>> {
  const properties = isRecord(returns['properties']) ? Object.keys(returns['properties']) : []
  return {
    ...Object.fromEntries(properties.map(name => [name, new Unknown(`${name} of ${source}`)])),
    ...known,
  }
}
