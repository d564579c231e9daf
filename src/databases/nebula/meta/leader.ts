import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { abortError } from '../../../connection/abort.ts'
import { addressText, type Generation } from '../contract.ts'
import { leaderChanged, notLoaded } from '../generations/codes.ts'
import type { HostAddrValue } from '../generations/common.ts'
import type { MetaMethod } from '../generations/methods.ts'
import { readLeader } from '../generations/read-address.ts'
import { askOne, type Manner, outcomeUnknown, thrownBy } from './ask.ts'
import { type Metad, type Metads, peerName } from './metads.ts'

/** What every response of a call that the leader answers has. */
export interface Led {
  readonly code?: number | undefined
  readonly leader?: HostAddrValue | undefined
}

/** Finds the metad that leads, and remembers it. */
export interface Leader {
  /**
   * The answer of the leader, whatever its code, but not "I am not the leader".
   * @throws nebula.no_leader, nebula.unreachable, nebula.protocol, nebula.version, nebula.outcome_unknown
   */
  ask<Request, Response extends Led>(
    method: MetaMethod<Request, Response>,
    req: Request,
    how: Manner & {
      readonly generation: Generation
      /** Answers that a metad which has just started may give instead. */
      readonly passing?: readonly number[]
    },
    io: Io,
  ): Promise<{ readonly response: Response; readonly code: number; readonly metad: Metad }>
}

/** Milliseconds that an election may take: metads of 2.x notice a dead leader after 30 s. */
const electionMs = 90_000
/** Milliseconds between questions while there is no leader: first, and then. */
const pausesMs = [1000, 2000] as const
/** Tries while a metad that has just started may not have loaded its part. */
const loadingTries = 5
/** Redirects in a row before it counts as an election. */
const maxHops = 8
/** "Not the leader" is said at once, before anything is done; later it comes from the middle of the work. */
const promptMs = 10_000

export function leaderOf(metads: Metads, clock: Clock): Leader {
  let last: Metad | undefined

  const ask: Leader['ask'] = async (method, req, how, io) => {
    const known = await metads.known(io)
    const began = clock.monotonicMs()
    const failures = new Map<string, BkpError>()
    const visited = new Set<string>()
    let pauses = 0
    let loading = 0
    let target = last ?? known[0]
    while (target !== undefined) {
      const metad: Metad = target
      visited.add(addressText(metad.address))
      const answer = await askOne(metads, clock, metad, method, req, how, io).catch(error => {
        last = undefined
        if (io.signal.aborted) throw abortError(io.signal)
        if (!(error instanceof BkpError) || error.code !== 'nebula.unreachable') throw error
        failures.set(addressText(metad.address), error)
      })
      if (answer === undefined) {
        target = known.find(({ address }) => !failures.has(addressText(address)))
        continue
      }
      const { outcome } = answer
      if (outcome.kind === 'exception') throw exceptionOf(metad, method.name, outcome, how)
      const { success: response } = outcome.value
      const code = response?.code
      if (response === undefined || code === undefined) {
        throw incomplete(metad, method.name, how)
      }
      const isLoading = how.passing?.includes(code) === true && loading < loadingTries
      if (code !== leaderChanged(how.generation) && !isLoading) {
        last = metad
        return { response, code, metad }
      }
      if (isLoading) loading += 1
      else if (how.kind === 'once' && answer.tookMs > promptMs) {
        throw outcomeUnknown(
          metad,
          method.name,
          new BkpError('nebula.no_leader', `${peerName(metad)} stopped leading while it worked`),
        )
      }
      const named = isLoading ? undefined : readLeader(response.leader)
      if (
        named !== undefined &&
        !visited.has(addressText(named)) &&
        visited.size <= known.length + maxHops
      ) {
        target = await metads.find(named, io, metad)
        continue
      }
      // No leader, or one that sends back in a circle: an election goes on.
      if (clock.monotonicMs() - began > electionMs) throw noLeader(known, failures)
      await clock.sleep(pausesMs[Math.min(pauses, 1)] ?? 0, io.signal).catch(() => {
        throw abortError(io.signal)
      })
      pauses += 1
      visited.clear()
      failures.clear()
      last = undefined
      target = after(known, metad)
    }
    throw allUnreachable(known, failures)
  }

  return Object.freeze({ ask })
}

/** The codes of a metad that has only just started, for reads that cannot get them otherwise. */
export const loadingCodes = notLoaded

function after(known: readonly Metad[], metad: Metad): Metad | undefined {
  const at = known.findIndex(({ address }) => addressText(address) === addressText(metad.address))
  return known[(at + 1) % known.length]
}

function exceptionOf(
  metad: Metad,
  name: string,
  outcome: { readonly type: number; readonly message: string },
  how: Manner,
): BkpError {
  const error = thrownBy(metad, name, outcome)
  // Only of an unknown method is it sure that nothing was done.
  return how.kind === 'once' && error.code !== 'nebula.version'
    ? outcomeUnknown(metad, name, error)
    : error
}

function incomplete(metad: Metad, name: string, how: Manner): BkpError {
  const error = new BkpError(
    'nebula.protocol',
    `${peerName(metad)} answered ${name} without a code`,
    { hint: 'its version is another than was thought' },
  )
  return how.kind === 'once' ? outcomeUnknown(metad, name, error) : error
}

function noLeader(known: readonly Metad[], failures: ReadonlyMap<string, BkpError>): BkpError {
  const [cause] = failures.values()
  return new BkpError(
    'nebula.no_leader',
    `the metads have no leader: ${known.map(({ address }) => addressText(address)).join(', ')}`,
    {
      cause,
      hint: 'more than half of them must run and reach each other: see their logs',
      details: { unreachable: [...failures.keys()] },
    },
  )
}

function allUnreachable(
  known: readonly Metad[],
  failures: ReadonlyMap<string, BkpError>,
): BkpError {
  const errors = [...failures.values()]
  const [first] = errors
  if (first !== undefined && known.length === 1 && errors.length === 1) return first
  return new BkpError(
    'nebula.unreachable',
    `no metad answers: ${errors.map(({ message }) => message).join('; ')}`,
    {
      cause: first,
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
      details: { unreachable: [...failures.keys()] },
    },
  )
}
