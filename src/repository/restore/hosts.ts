import pLimit, { type LimitFunction } from 'p-limit'
import { BkpError } from '../../base/errors.ts'

/** Hosts worked on at a time: each holds blocks and a tree in memory. */
export const hostsAtATime = 8

/**
 * Works on hosts side by side, so many in each lane, answers in their order. When one fails, no other
 * is begun, those at work are waited for, and the first error is thrown.
 */
export async function forEachHost<H, R>(
  hosts: readonly H[],
  work: (host: H) => Promise<R>,
  laneOf?: (host: H) => LimitFunction,
): Promise<readonly R[]> {
  const shared = pLimit(hostsAtATime)
  let failed = false
  const results = await Promise.allSettled(
    hosts.map(host =>
      (laneOf?.(host) ?? shared)(async () => {
        if (failed) throw new BkpError('step.cancelled', 'another host failed')
        try {
          return await work(host)
        } catch (error) {
          failed = true
          throw error
        }
      }),
    ),
  )
  const errors = results.flatMap(result =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  )
  const first = errors.find(
    error => !(error instanceof BkpError && error.message === 'another host failed'),
  )
  if (errors.length > 0) throw first ?? errors[0]
  return results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
}

/** A host by its name. @throws cluster.hosts_missing */
export function hostNamed<H extends { readonly name: string }>(
  hosts: readonly H[],
  name: string,
): H {
  const host = hosts.find(candidate => candidate.name === name)
  if (host !== undefined) return host
  throw new BkpError('cluster.hosts_missing', `host "${name}" does not take part in this play`, {
    hint: 'add it to the hosts of the play, or lift the limit',
    details: { host: name },
  })
}
