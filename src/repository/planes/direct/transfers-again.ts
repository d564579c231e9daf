import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Retrier, Verdict } from '../../../storage/retry.ts'
import {
  isDone,
  runTransfers,
  type Transfer,
  type TransferOptions,
  type TransferOutcome,
} from './transfers.ts'

/** Makes a transfer anew for each attempt: a URL is valid for a while only. */
export type MakeTransfer = () => Promise<Transfer>

/** What curl says of the host itself or of the request, which another attempt would not change. */
const finalExits: ReadonlySet<number> = new Set([1, 2, 3, 4, 23, 26, 27, 37, 43, 47, 60, 63, 77])

/** Statuses by which a server asks for patience. */
const busyStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429])

/** Attempts at an object that comes shorter or longer than it should, each time without an error. */
const mostPartial = 3

/** What an outcome says about trying again. Pure. */
export function verdictOf(outcome: TransferOutcome, partial = 0): Verdict {
  const { status, curlExit } = outcome
  if (status >= 500 || busyStatuses.has(status)) return 'busy'
  if (status >= 300 || finalExits.has(curlExit)) return 'final'
  return partial >= mostPartial ? 'final' : 'silent'
}

/**
 * Transfers until each is done or given up, those that failed tried again as requests to the storage
 * are; outcomes in the order asked. Ends with the first one that is final. @throws ssh.*
 */
export async function runTransfersAgain(
  host: Host,
  makers: readonly MakeTransfer[],
  options: TransferOptions & { readonly retrier: Retrier },
  io: Io,
): Promise<readonly TransferOutcome[]> {
  const outcomes = new Map<number, TransferOutcome>()
  const partial = new Map<number, number>()
  const failed = (): number[] =>
    makers.flatMap((_, index) => {
      const outcome = outcomes.get(index)
      return outcome !== undefined && isDone(outcome) ? [] : [index]
    })
  const attempt = async (): Promise<void> => {
    const left = failed()
    const transfers = await Promise.all(left.map(index => (makers[index] as MakeTransfer)()))
    const answers = await runTransfers(host, transfers, options, io)
    const verdicts = answers.flatMap((outcome, at): Verdict[] => {
      const index = left[at] ?? 0
      outcomes.set(index, outcome)
      if (isDone(outcome)) return []
      if (outcome.status !== 0) partial.set(index, (partial.get(index) ?? 0) + 1)
      return [verdictOf(outcome, partial.get(index))]
    })
    for (const verdict of ['final', 'busy', 'silent'] as const) {
      if (verdicts.includes(verdict)) throw new Failed(verdict)
    }
  }
  try {
    await options.retrier.run(attempt, judge, io)
  } catch (thrown) {
    if (!(thrown instanceof Failed)) throw thrown
  }
  return makers.map((_, index) => outcomes.get(index) ?? neverTried)
}

const neverTried: TransferOutcome = { status: 0, curlExit: 2, message: 'it was not tried' }

/** An attempt of which something is left; what, the outcomes tell. */
class Failed extends Error {
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    super('transfers failed')
    this.verdict = verdict
  }
}

function judge(thrown: unknown): Verdict {
  return thrown instanceof Failed ? thrown.verdict : 'final'
}
