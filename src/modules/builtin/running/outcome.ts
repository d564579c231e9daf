import { constants } from 'node:os'
import type { Static } from 'typebox'
import * as Type from 'typebox'
import { type Clock, systemClock } from '../../../base/clock.ts'
import type { Io } from '../../../base/io.ts'
import type { Answers, Command, Exit, Host } from '../../../connection/contract.ts'
import type { Scope } from '../../../expression/contract.ts'
import { commandFailed, outputText } from '../../apply-commands.ts'
import type { Change, Decision, Detached } from '../../contract.ts'
import { type GuardProbes, type Guards, isGuarded, whyNotRun } from './guards.ts'
import { makeJob, startJob } from './jobs.ts'

const lines = (description: string) => Type.Array(Type.String(), { description })
const timeText = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description })

const flag = (description: string) => Type.Optional(Type.Boolean({ description }))

/** What a step with `async` returns besides, or instead until it has ended. */
export const jobFields = {
  started: flag('True of a step with async.'),
  finished: flag('Of a step with async: whether it has ended.'),
  ansible_job_id: Type.Optional(Type.String({ description: 'Of a step with async: its job.' })),
  results_file: Type.Optional(
    Type.String({ description: 'The file of the host that is there once the job has ended.' }),
  ),
}

/** What command and shell return: Ansible's names, times in ISO 8601 UTC. */
export const outcomeSchema = Type.Object(
  {
    rc: Type.Integer({ description: 'Exit status; minus the number of a signal that ended it.' }),
    stdout: Type.String({ description: 'Standard output without its last newline.' }),
    stderr: Type.String({ description: 'Standard error without its last newline.' }),
    stdout_lines: lines('Standard output, line by line.'),
    stderr_lines: lines('Standard error, line by line.'),
    cmd: Type.Unsafe<string | readonly string[]>({
      type: ['string', 'array'],
      items: { type: 'string' },
      description: 'What was run: a list of words, or the text given to the shell.',
    }),
    start: timeText('When it started; null where it was not run.'),
    end: timeText('When it ended; null where it was not run.'),
    delta: timeText('How long it ran, as H:MM:SS.ffffff; null where it was not run.'),
    msg: Type.String({ description: 'Why it was not run or how it failed; otherwise empty.' }),
    truncated: Type.Boolean({
      description: 'True when more than 1 MiB was printed and only the first 1 MiB was kept.',
    }),
    ...jobFields,
  },
  { additionalProperties: false },
)

export type Outcome = Static<typeof outcomeSchema>

/** A command as a module was asked to run it. */
export interface Run {
  readonly command: Command
  /** As it is returned: the words, or the shell's text. */
  readonly cmd: string | readonly string[]
  readonly target: string
  readonly notes?: readonly string[]
}

/** Output as results have it: its text and its lines. */
export function printed(stdout: Uint8Array, stderr: Uint8Array) {
  const texts = {
    stdout: withoutLastNewline(outputText(stdout)),
    stderr: withoutLastNewline(outputText(stderr)),
  }
  return {
    ...texts,
    stdout_lines: [...toLines(texts.stdout)],
    stderr_lines: [...toLines(texts.stderr)],
  }
}

function withoutLastNewline(text: string): string {
  return text.endsWith('\r\n') ? text.slice(0, -2) : text.endsWith('\n') ? text.slice(0, -1) : text
}

function toLines(text: string): readonly string[] {
  return text === '' ? [] : text.split(/\r?\n/)
}

/** `0:00:01.500000`: a span as Ansible prints it. */
export function formatDelta(milliseconds: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  const micros = String(Math.round(milliseconds * 1000) % 1_000_000).padStart(6, '0')
  const seconds = Math.floor(Math.round(milliseconds * 1000) / 1_000_000)
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}.${micros}`
}

function signalNumber(signal: string | undefined): number {
  const name = signal?.startsWith('SIG') === true ? signal : `SIG${signal ?? 'KILL'}`
  const entry = Object.entries(constants.signals).find(([known]) => known === name)
  return entry?.[1] ?? constants.signals.SIGKILL
}

/** Exit status; minus the number of a signal that ended it. */
export function returnCode(exit: Pick<Exit, 'code' | 'signal'>): number {
  return exit.code ?? -signalNumber(exit.signal)
}

function outcome(
  cmd: Run['cmd'],
  exit: Exit,
  span: { readonly start: Date; readonly end: Date; readonly milliseconds: number },
): Outcome {
  return {
    rc: returnCode(exit),
    ...printed(exit.stdout, exit.stderr),
    cmd,
    start: span.start.toISOString(),
    end: span.end.toISOString(),
    delta: formatDelta(span.milliseconds),
    msg: exit.code === 0 ? '' : 'non-zero return code',
    truncated: exit.truncated,
  }
}

/** How the message of what was not run begins. */
export const notRun = 'not run, since '

/**
 * Decides from the guards alone; a command that nothing guards may or may not change something.
 * Its result is known only after it has run: not even `rc` is promised.
 */
export function planRun(
  run: Run,
  guards: Guards,
  facts: Answers<GuardProbes>,
): Decision<Answers<GuardProbes>, Outcome> {
  const why = whyNotRun(guards, facts)
  if (why !== undefined) {
    const empty = { stdout: '', stderr: '', stdout_lines: [], stderr_lines: [] }
    const times = { start: null, end: null, delta: null }
    const msg = `${notRun}${why}`
    const result = { rc: 0, ...empty, cmd: run.cmd, ...times, msg, truncated: false }
    return { kind: 'unchanged', result, message: msg }
  }
  const change: Change = {
    action: 'run',
    target: run.target,
    commands: [run.command],
    ...(run.notes === undefined ? {} : { notes: run.notes }),
  }
  const certainty = isGuarded(guards) ? 'sure' : 'maybe'
  return { kind: 'change', changes: [change], after: {}, certainty, opaque: true }
}

/** What a step is told that is left running. */
interface Detaching {
  readonly variables?: Scope
  readonly seconds: number
  readonly unrun?: string
}

/** Leaves it running on the host; what needs no run is a job as well, for whoever asks for it. */
export async function detachRun(
  host: Host,
  run: Run,
  { variables, seconds, unrun }: Detaching,
  io: Io,
): Promise<Detached> {
  const job = await makeJob(host, { variables }, io)
  return await startJob(
    host,
    job,
    unrun === undefined ? run.command : { argv: ['true'] },
    { cmd: run.cmd, seconds, ...(unrun === undefined ? {} : { unrun }) },
    io,
  )
}

/** Runs it and reports. @throws command.failed with the whole outcome in `details.result`; ssh.* */
export async function performRun(
  host: Host,
  run: Run,
  io: Io,
  clock: Clock = systemClock,
): Promise<Outcome> {
  const start = clock.now()
  const startedMs = clock.monotonicMs()
  const exit = await host.run(run.command, io)
  const milliseconds = clock.monotonicMs() - startedMs
  const result = outcome(run.cmd, exit, { start, end: clock.now(), milliseconds })
  if (exit.code !== 0) throw commandFailed(host, run.command, exit, { result })
  return result
}
