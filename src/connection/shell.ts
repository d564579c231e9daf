import { constants } from 'node:os'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { abortError, orAbort } from './abort.ts'
import type { Channel } from './channel.ts'
import { type Command, type Exit, outputLimitBytes } from './contract.ts'
import { type FrameReader, frameReader, type Section } from './frames.ts'
import { type Group, giveUp, idFunction, idLimitBytes, readGroup } from './groups.ts'
import { feed, inputOf } from './input.ts'
import type { ProbeParts, Reply } from './probes/internals.ts'
import { joinLines, script } from './quote.ts'
import { runFrame, runFunctions } from './run-frame.ts'
import { newMarker, prologue, type Session, within } from './session.ts'

/** What a frame asks: a script, and how much of its output to keep. */
type Question = Pick<ProbeParts<unknown>, 'script' | 'limitBytes'>

/** A long-lived `/bin/sh` on the host, one frame at a time. */
export interface Shell {
  /** Runs short scripts, each in a subshell of its own, in one round trip. @throws ssh.lost, step.cancelled */
  ask(questions: readonly Question[], io: Io): Promise<readonly Reply[]>
  /** Runs a command to its end. With `stdin` it is the shell's last frame. @throws ssh.lost, step.cancelled */
  run(command: Command, io: Io): Promise<Exit>
  /** The host can put a command into a process group of its own, so that the shell outlives its end. */
  readonly hasSetsid: boolean
  /** False after a frame that was broken off. */
  isUsable(): boolean
  close(): Promise<void>
}

const newline = Buffer.from('\n')
const noText = Buffer.alloc(0)
/** How long a shell may take to end its frame once its command was ended, or to leave at the end. */
const settleMs = 5000

const signalNames: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)

/**
 * A shell's `$?`. By the shells' own convention 128+n stands for signal n; a program that exits with
 * such a status itself cannot be told from it.
 */
function exitStatus(status: number): Pick<Exit, 'code' | 'signal'> {
  const signal = signalNames.get(status - 128)
  return signal === undefined ? { code: status } : { code: undefined, signal }
}

function text(section: Section): string {
  return section.bytes.toString('latin1').trim()
}

function askFrame(
  questions: readonly Question[],
  marker: Buffer,
  { mayHaveSaid }: { readonly mayHaveSaid: boolean },
): Buffer {
  return joinLines([
    script`{`,
    script`printf '%s\n' ${marker}`,
    ...(mayHaveSaid ? [script`printf '%s\n' ${marker} >&2`] : []),
    ...questions.map(
      question =>
        script`(\n${question.script}\n) </dev/null; printf '%s\n%s\n' ${marker} $?; printf '%s\n' ${marker} >&2`,
    ),
    script`}`,
  ])
}

/** Opens a shell and waits until it answers. @throws ssh.*, step.cancelled */
export async function openShell(session: Session, io: Io): Promise<Shell> {
  const channel = await session.transport.open(io)
  const stdout = frameReader(channel.stdout)
  const stderr = frameReader(channel.stderr)
  const marker = Buffer.concat([newMarker(session), newline])
  channel.stdin.write(
    Buffer.concat([
      prologue,
      joinLines([
        script`trap '[ -z "\${bkp_dir-}" ] || rm -rf "$bkp_dir"' EXIT`,
        // Of these a shell would die without its EXIT trap: PIPE comes when the controller is gone.
        script`trap 'exit 129' HUP; trap 'exit 141' PIPE; trap 'exit 143' TERM`,
        idFunction,
        runFunctions,
        script`{ printf '%s\n' ${marker.subarray(0, -1)}; bkp_id $$`,
        script`command -v setsid >/dev/null 2>&1 && echo yes || echo no; }`,
      ]),
    ]),
  )
  const hello = async () => {
    const words = [
      await stdout.until(marker, 0),
      await stdout.until(newline, idLimitBytes),
      await stdout.until(newline, 32),
    ]
    const [, id, setsid] = words
    if (id === undefined || setsid === undefined) throw await noShell(session, channel)
    const group = readGroup(text(id), { isShell: true, reads: true })
    if (group === undefined) throw session.transport.lost()
    return { group, hasSetsid: text(setsid) === 'yes' }
  }
  try {
    const { group, hasSetsid } = await orAbort(hello(), io.signal)
    return createShell({ session, channel, stdout, stderr, group, hasSetsid })
  } catch (thrown) {
    channel.close()
    throw thrown
  }
}

/** The error for a shell that ended before it said a word. */
async function noShell(session: Session, channel: Channel): Promise<BkpError> {
  const { host, transport } = session
  // What tells the status may come after the end of the output.
  await within(session, channel.ended, 2000)
  const end = await Promise.race([channel.ended, undefined])
  if (end === undefined || end.lost || !transport.isAlive()) return transport.lost()
  const how = end.signal === undefined ? `status ${end.code}` : `signal ${end.signal}`
  const code = transport.name === 'ssh' ? 'ssh.unreachable' : 'command.failed'
  return new BkpError(code, `${host} starts no /bin/sh: its login shell ended with ${how}`, {
    details: { host },
    hint: 'see the shell of that user (getent passwd), and what its login files do',
  })
}

interface ShellParts {
  readonly session: Session
  readonly channel: Channel
  readonly stdout: FrameReader
  readonly stderr: FrameReader
  readonly group: Group
  readonly hasSetsid: boolean
}

function createShell(parts: ShellParts): Shell {
  const { session, channel, stdout, stderr, hasSetsid } = parts
  let usable = true
  /** Login files and the shell itself, of a command that was killed, may have words on stderr. */
  let mayHaveSaid = true

  const needed = (section: Section | undefined): Section => {
    if (section !== undefined) return section
    usable = false
    throw session.transport.lost()
  }
  const { groups } = session
  /** The shell while it has a frame of somebody who only asks, or who changes something. */
  const asking = parts.group
  const acting: Group = Object.freeze({ ...asking, reads: false })
  void channel.ended.then(end => {
    if (end.lost) return
    groups.delete(asking)
    groups.delete(acting)
  })

  const ask: Shell['ask'] = async (questions, io) => {
    const marker = newMarker(session)
    const end = Buffer.concat([marker, newline])
    const outputs = async () => {
      const replies: { readonly section: Section; readonly code: number }[] = []
      needed(await stdout.until(end, 0))
      for (const { limitBytes } of questions) {
        const section = needed(await stdout.until(end, limitBytes))
        replies.push({ section, code: Number(text(needed(await stdout.until(newline, 32)))) })
      }
      return replies
    }
    const complaints = async () => {
      const sections: Section[] = []
      if (mayHaveSaid) needed(await stderr.until(end, 0))
      for (const _ of questions) sections.push(needed(await stderr.until(end, outputLimitBytes)))
      return sections
    }
    groups.add(asking)
    channel.stdin.write(askFrame(questions, marker, { mayHaveSaid }))
    try {
      const [replies, said] = await orAbort(Promise.all([outputs(), complaints()]), io.signal)
      groups.delete(asking)
      mayHaveSaid = false
      return replies.map(({ section, code }, index) => ({
        code,
        stdout: section.bytes,
        stderr: said[index]?.bytes ?? noText,
        truncated: section.totalBytes > section.bytes.length,
      }))
    } catch (thrown) {
      // A probe that hangs is ended together with its shell; the next frame gets a new one.
      usable = false
      if (io.signal.aborted) await giveUp(session, [asking], io)
      channel.close()
      throw thrown
    }
  }

  const run: Shell['run'] = async (command, io) => {
    const marker = newMarker(session)
    const end = Buffer.concat([marker, newline])
    const frame = runFrame(command, marker, hasSetsid ? ['setsid'] : [])
    if (command.stdin !== undefined) usable = false
    mayHaveSaid = true
    groups.add(acting)
    channel.stdin.write(frame)
    const leader = async () => {
      needed(await stdout.until(marker, 0))
      return text(needed(await stdout.until(newline, idLimitBytes)))
    }
    const result = async (): Promise<Exit> => {
      const [status, outBytes, errBytes] = text(needed(await stdout.until(newline, 128))).split(' ')
      const out = needed(await stdout.until(end, outputLimitBytes))
      const err = needed(await stdout.until(end, outputLimitBytes))
      const isCut = Number(outBytes) > out.bytes.length || Number(errBytes) > err.bytes.length
      return {
        ...exitStatus(Number(status)),
        stdout: new Uint8Array(out.bytes),
        stderr: new Uint8Array(err.bytes),
        truncated: isCut,
      }
    }
    let id: string
    try {
      id = await orAbort(leader(), io.signal)
    } catch (thrown) {
      usable = false
      if (io.signal.aborted) await giveUp(session, [acting], io)
      channel.close()
      throw thrown
    }
    if (id === 'none') {
      groups.delete(acting)
      throw new BkpError('command.failed', 'the host has no folder for temporary files', {
        hint: 'make /tmp writable on the host, or set TMPDIR for its user',
      })
    }
    const own = hasSetsid ? readGroup(id, { isShell: false, reads: false }) : undefined
    if (own !== undefined) {
      // The shell itself does nothing but wait for it.
      groups.delete(acting)
      groups.add(asking).add(own)
    }
    const over = () => {
      for (const group of [asking, acting, own]) if (group !== undefined) groups.delete(group)
    }
    const feeding =
      command.stdin === undefined
        ? Promise.resolve()
        : feed(channel.stdin, inputOf(command.stdin), channel.ended)
    const frameEnd = Promise.all([result(), feedOrFail(feeding)])
    try {
      const [exit] = await orAbort(frameEnd, io.signal)
      over()
      return exit
    } catch (thrown) {
      if (hasSetsid || io.signal.aborted) await giveUp(session, [own ?? acting], io)
      if (own === undefined) usable = false
      let settled = false
      await within(
        session,
        frameEnd.then(
          () => {
            settled = true
            over()
          },
          () => {},
        ),
        settleMs,
      )
      if (!settled) {
        usable = false
        channel.close()
      }
      throw io.signal.aborted ? abortError(io.signal) : thrown
    }
  }

  /** The end of the input is waited for only where it failed: a command may leave it unread. */
  async function feedOrFail(feeding: Promise<void>): Promise<void> {
    await Promise.race([feeding, channel.ended])
  }

  return Object.freeze({
    ask,
    run,
    hasSetsid,
    isUsable: () => usable && session.transport.isAlive(),
    close: async () => {
      usable = false
      channel.stdin.end()
      // The shell removes its temporary folder on its way out.
      await within(session, channel.ended, settleMs)
      channel.close()
    },
  })
}
