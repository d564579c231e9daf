import { BkpError } from '../../../src/base/errors.ts'
import { renderError } from '../../../src/base/render-error.ts'
import { flattenFaults } from '../../../src/runbook/faults.ts'

/** The BkpError that a function throws; anything else fails the test. */
export function errorOf(run: () => unknown): BkpError {
  try {
    run()
  } catch (error) {
    if (error instanceof BkpError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** What a function throws, as lines `line:column message (hint)`. */
export function faultsOf(run: () => unknown): readonly string[] {
  return flattenFaults(errorOf(run)).map(fault => {
    const at = fault.place === undefined ? '' : `${fault.place.line}:${fault.place.column} `
    return `${at}${fault.message}${fault.hint === undefined ? '' : ` (${fault.hint})`}`
  })
}

/** What the user would see. */
export function shown(run: () => unknown): string {
  return renderError(errorOf(run))
}
