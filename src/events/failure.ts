import type { BkpError, Place } from '../base/errors.ts'
import type { Failure } from './events.ts'

/** An error as events carry it; `standing`: where it happened, for one that does not say it itself. */
export function failureOf(error: BkpError, standing?: Place): Failure {
  const { command, exit_status: status, stderr, log } = error.details
  const place = error.place ?? standing
  const { lines, hint } = faultLines(error)
  return {
    code: error.code,
    message: [error.message, ...lines].join('\n'),
    ...(hint === undefined ? {} : { hint }),
    ...(place === undefined ? {} : { place: `${place.file}:${place.line}:${place.column}` }),
    ...(typeof command === 'string' ? { command } : {}),
    ...(typeof status === 'number' ? { exit_status: status } : {}),
    ...(typeof stderr === 'string' && stderr !== '' ? { stderr } : {}),
    ...(typeof log === 'string' && log !== '' ? { log } : {}),
  }
}

/** All faults of an error, each with what to do about it; a hint that all of them have is said once. */
function faultLines(error: BkpError): {
  readonly lines: readonly string[]
  readonly hint: string | undefined
} {
  const faults = error.faults.flatMap(flatten)
  const [first, ...others] = faults
  const isShared = others.every(({ hint }) => hint === first?.hint)
  const hint = error.hint ?? (isShared ? first?.hint : undefined)
  const lines = faults.flatMap((fault, index) => {
    const isSaid = fault.hint === hint || fault.hint === faults[index + 1]?.hint
    return [fault.message, ...(fault.hint === undefined || isSaid ? [] : [`  hint: ${fault.hint}`])]
  })
  return { lines, hint }
}

function flatten(error: BkpError): readonly BkpError[] {
  return error.faults.length === 0 ? [error] : error.faults.flatMap(flatten)
}
