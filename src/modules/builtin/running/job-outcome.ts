import { constants } from 'node:os'
import { BkpError } from '../../../base/errors.ts'
import type { Exit, Host } from '../../../connection/contract.ts'
import { commandFailed } from '../../apply-commands.ts'
import type { JobState } from './jobs.ts'
import { formatDelta, printed, returnCode } from './outcome.ts'

/** What is said of a job in each of its ways to end. */
export type JobOutcome = Readonly<Record<string, unknown>> & {
  readonly started: true
  readonly finished: boolean
}

/**
 * How a job went, as the step that started it would have told.
 * @throws command.failed, step.timeout, step.failed for one that did not end well, with all that is known
 * of it in `details.result`
 */
export function outcomeOfJob(host: Host, jid: string, job: JobState): JobOutcome {
  const base = {
    ansible_job_id: jid,
    results_file: `${job.folder}/end`,
    started: true as const,
    ...(job.note === undefined ? {} : { cmd: job.note.cmd }),
  }
  if (job.state === 'running') return { ...base, finished: false }
  const exit: Exit = { ...exitOf(job.status), ...job }
  const { unrun } = job.note ?? {}
  const result = {
    ...base,
    finished: true as const,
    ...(job.state === 'ended' ? { rc: returnCode(exit) } : {}),
    ...printed(job.stdout, job.stderr),
    ...timesOf(job),
    truncated: job.truncated,
    msg: unrun ?? '',
  }
  if (job.state === 'cut') {
    const msg = 'the job was cut off: its host was booted, or somebody ended it'
    throw new BkpError('step.failed', msg, {
      hint: 'whether it took effect is not known; see the host',
      details: { host: host.name, result: { ...result, msg } },
    })
  }
  if (exit.code === 0) return result
  if (job.late) {
    const msg = `the job took longer than its ${job.note?.seconds ?? '?'} s`
    throw new BkpError('step.timeout', msg, {
      hint: 'whether it took effect is not known; see the host, or raise the async of the step',
      details: { host: host.name, result: { ...result, msg } },
    })
  }
  const command = { argv: typeof result.cmd === 'string' ? [result.cmd] : (result.cmd ?? [jid]) }
  throw commandFailed(host, command, exit, { result: { ...result, msg: 'non-zero return code' } })
}

function timesOf({ begun, ended }: JobState): Readonly<Record<string, string | null>> {
  const span =
    begun === undefined || ended === undefined ? undefined : [begun, ended].map(Date.parse)
  const [from = 0, to = 0] = span ?? []
  return {
    start: begun ?? null,
    end: ended ?? null,
    delta: span === undefined ? null : formatDelta(Math.max(0, to - from)),
  }
}

/** By the shells' own convention 128+n stands for signal n. */
function exitOf(status: number): Pick<Exit, 'code' | 'signal'> {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)
  return signal === undefined ? { code: status } : { code: undefined, signal: signal[0] }
}
