import type { Io } from '../base/io.ts'
import { abortError, onAbort, orAbort } from './abort.ts'
import type { ChannelEnd } from './channel.ts'
import { outputLimitBytes } from './contract.ts'
import { frameReader } from './frames.ts'
import { type Group, giveUp, idFunction, idLimitBytes, readGroup } from './groups.ts'
import { feed, type Input } from './input.ts'
import { joinLines, script } from './quote.ts'
import { newMarker, prologue, type Session, within } from './session.ts'

/** How a script on a channel of its own ended. */
interface ProcessEnd {
  readonly code: number | undefined
  readonly signal?: string
  /** The first 1 MiB of it. */
  readonly stderr: Buffer
  readonly truncated: boolean
}

/** A script that runs on a channel of its own. */
export interface RemoteProcess {
  /** Ends when everything that holds it has ended. Left early, the process group is ended. */
  readonly stdout: AsyncGenerator<Buffer, void>
  /** @throws ssh.lost, step.cancelled, or what the input's source threw */
  readonly ended: Promise<ProcessEnd>
}

export interface ProcessRequest {
  /** Run as one compound command, so that the shell has read all of it before the input begins. */
  readonly script: Buffer
  readonly input?: Input | undefined
  /**
   * It changes nothing. Whatever may change something begins only when we know which process it is: if
   * the connection broke before, nothing would tell what to end.
   */
  readonly reads: boolean
}

/** How long the last words on stderr may take once the process has ended: a daemon may hold it open. */
const lastWordsMs = 1000

/** Why a process is ended whose reader wants no more: no failure. */
const leftEarly = Symbol('left early')

async function collect(chunks: AsyncIterable<Buffer>, into: { kept: Buffer[]; total: number }) {
  let kept = 0
  for await (const bytes of chunks) {
    const wanted = bytes.subarray(0, outputLimitBytes - kept)
    if (wanted.length > 0) into.kept.push(wanted)
    kept += wanted.length
    into.total += bytes.length
  }
}

/**
 * Starts a script on a channel of its own; resolves when it has begun. Cancelled by `io.signal`: the
 * process group is ended then, and both `stdout` and `ended` throw. @throws ssh.*, step.cancelled
 */
export async function startProcess(
  session: Session,
  request: ProcessRequest,
  io: Io,
): Promise<RemoteProcess> {
  const release = await session.slots.take(io.signal)
  try {
    return await startOnChannel(session, request, io, release)
  } catch (thrown) {
    release()
    throw thrown
  }
}

async function startOnChannel(
  session: Session,
  request: ProcessRequest,
  io: Io,
  release: () => void,
): Promise<RemoteProcess> {
  const channel = await session.transport.open(io)
  const marker = newMarker(session)
  const stdout = frameReader(channel.stdout)
  const stderr = frameReader(channel.stderr)
  const newline = Buffer.from('\n')
  // Login shells may print before /bin/sh takes over: what counts begins at the marker.
  const text = joinLines([
    idFunction,
    script`{ printf '%s\n' ${marker}; { printf '%s\n' ${marker}; bkp_id $$; } >&2`,
    ...(request.reads ? [] : [script`IFS= read -r bkp_go || exit 125`]),
    request.script,
    script`}`,
  ])
  channel.stdin.write(Buffer.concat([prologue, text]))
  if (request.reads && request.input === undefined) channel.stdin.end()
  const begin = Buffer.concat([marker, newline])
  const leader = async () => {
    await stderr.until(begin, 0)
    const line = (await stderr.until(newline, idLimitBytes))?.bytes.toString('latin1')
    const read = readGroup(line ?? '', { isShell: false, reads: request.reads })
    if (read === undefined) throw session.transport.lost()
    return read
  }
  let group: Group
  try {
    group = await orAbort(leader(), io.signal)
  } catch (thrown) {
    channel.close()
    throw thrown
  }
  session.groups.add(group)
  if (!request.reads) {
    channel.stdin.write(newline)
    if (request.input === undefined) channel.stdin.end()
  }

  const said = { kept: [] as Buffer[], total: 0 }
  const listening = collect(stderr.rest(), said)
  let failure: unknown
  let finished = false
  /** Set once: what ends the process early, and the promise of its end. */
  let ending: Promise<void> | undefined
  const stop = (reason: unknown) => {
    failure ??= reason
    ending ??= finished
      ? Promise.resolve()
      : giveUp(session, [group], io).then(() => channel.close())
    return ending
  }
  const cancel = () => void stop(abortError(io.signal))
  const forget = onAbort(io.signal, cancel)
  if (io.signal.aborted) cancel()

  const feeding =
    request.input === undefined
      ? Promise.resolve()
      : feed(channel.stdin, request.input, channel.ended).catch(thrown => stop(thrown))
  const ended = settle()
  ended.catch(() => {})

  async function settle(): Promise<ProcessEnd> {
    let end: ChannelEnd
    try {
      end = await channel.ended
      finished = true
      if (!end.lost) session.groups.delete(group)
      await ending
      await within(session, listening, lastWordsMs)
      // A source that gives nothing more must not keep a process alive that has ended.
      if (ending === undefined) await within(session, feeding, lastWordsMs)
    } finally {
      forget()
    }
    if (failure !== undefined && failure !== leftEarly) throw failure
    if (end.lost && failure === undefined) throw session.transport.lost()
    return {
      code: end.code,
      ...(end.signal === undefined ? {} : { signal: end.signal }),
      stderr: Buffer.concat(said.kept),
      truncated: said.total > outputLimitBytes,
    }
  }

  async function* output(): AsyncGenerator<Buffer, void> {
    let whole = false
    try {
      if ((await stdout.until(begin, 0)) === undefined) throw failure ?? session.transport.lost()
      yield* stdout.rest()
      whole = true
    } finally {
      if (!whole) await stop(leftEarly)
      await ended.catch(() => {})
      channel.close()
      release()
    }
    // Output that ends because the connection broke looks whole: the end tells.
    await ended
  }

  return { stdout: output(), ended }
}
