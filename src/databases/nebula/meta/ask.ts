import type { Clock } from '../../../base/clock.ts'
import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import { addressText } from '../contract.ts'
import type { MetaMethod } from '../generations/methods.ts'
import { type Outcome, unknownMethod } from '../thrift/messages.ts'
import { type Metad, type Metads, peerName } from './metads.ts'
import { within } from './within.ts'

/** How a call may be made. */
export interface Manner {
  readonly timeoutMs: number
  /**
   * read: as often as needed. repeat: may be sent again when its answer was lost, on connections of its
   * own. once: never sent again once it was.
   */
  readonly kind: 'read' | 'repeat' | 'once'
}

/** What a metad answered, and which. `lost` before: an earlier attempt may have been done. */
export interface Answer<Response> {
  readonly outcome: Outcome<{ readonly success?: Response | undefined }>
  readonly metad: Metad
  readonly tookMs: number
}

/** Milliseconds for an ordinary call. */
export const callMs = 60_000

/** One call of one metad, leader or not. @throws nebula.unreachable, .protocol, .outcome_unknown */
export async function askOne<Request, Response>(
  metads: Metads,
  clock: Clock,
  metad: Metad,
  method: MetaMethod<Request, Response>,
  req: Request,
  manner: Manner,
  io: Io,
): Promise<Answer<Response>> {
  let isStale = false
  const attempt = (fresh: boolean) =>
    metads.use(metad, { fresh }, io, async (connection, isUsed) => {
      const before = clock.monotonicMs()
      let isLate = false
      const late = () => {
        isLate = true
        return silent(metad, method.name, manner.timeoutMs)
      }
      const { timeoutMs: milliseconds } = manner
      try {
        const outcome = await within({ clock, milliseconds, signal: io.signal, late }, signal =>
          connection.call(method, { req }, signal),
        )
        return { outcome, metad, tookMs: clock.monotonicMs() - before }
      } catch (error) {
        const told = asBkpError(error)
        isStale = isUsed && !isLate && told.code === 'nebula.unreachable'
        if (manner.kind !== 'once' || io.signal.aborted) throw told
        throw outcomeUnknown(metad, method.name, told)
      }
    })
  // A connection that was kept may be closed by its peer at any time: what changes the cluster gets one of
  // its own, and what reads is asked once more over another.
  try {
    return await attempt(manner.kind !== 'read')
  } catch (error) {
    if (!isStale || io.signal.aborted) throw error
    return await attempt(true)
  }
}

function silent(metad: Metad, name: string, timeoutMs: number): BkpError {
  return new BkpError(
    'nebula.unreachable',
    `${peerName(metad)} did not answer ${name} within ${formatDuration(timeoutMs)}`,
    { hint: 'see whether it hangs, or its host is overloaded' },
  )
}

/** A call that changes the cluster was sent, and what became of it is not known. */
export function outcomeUnknown(metad: Metad, name: string, cause: BkpError): BkpError {
  return new BkpError(
    'nebula.outcome_unknown',
    `the answer to ${name} was lost, so it may have been done: ${cause.message}`,
    {
      cause,
      hint:
        name === 'restoreMeta'
          ? 'that metad may have taken in its files and removed them: stage them again before it is asked again'
          : 'look for a new row in SHOW SNAPSHOTS and for its folder under checkpoints/ of the hosts, drop it, and see that writes are not blocked any more',
      details: { call: name, metad: addressText(metad.address) },
    },
  )
}

/** A TApplicationException as an error. */
export function thrownBy(
  metad: Metad,
  name: string,
  { type, message }: { readonly type: number; readonly message: string },
): BkpError {
  if (type === unknownMethod) {
    return new BkpError('nebula.version', `${peerName(metad)} knows no ${name}: ${message}`, {
      hint: 'its version is another than was thought: bkp works with 2.0 to 2.6 and 3.0 to 3.8',
      details: { call: name, exception: type },
    })
  }
  return new BkpError('nebula.refused', `${peerName(metad)} failed at ${name}: ${message}`, {
    hint: 'see its log (logs/nebula-metad.ERROR and .INFO)',
    details: { call: name, exception: type },
  })
}
