import { BkpError } from '../base/errors.ts'
import type { Become } from '../connection/contract.ts'
import { Unknown } from '../expression/unknown.ts'
import type { PerformRequest } from './driver.ts'

/** Whom a step's commands run as on a host; undefined: the user who logs in. */
export function becomeOn(
  { become }: Pick<PerformRequest, 'become'>,
  host: string,
): Become | undefined {
  const found = become?.get(host)
  if (!(found instanceof Unknown)) return found
  throw new BkpError('expression.failed', `whom to become on ${host} is not known yet`, {
    hint: 'see become and become_user, and the variables ansible_become...',
  })
}

/** In a plan, what the users depend on may be known only after apply. */
export function becomesUnknown({ become }: Pick<PerformRequest, 'become'>): boolean {
  return [...(become?.values() ?? [])].some(each => each instanceof Unknown)
}
