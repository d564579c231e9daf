import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from './abort.ts'
import type { Answers, Command, Exit, Host, Manner, Probe, Probes } from './contract.ts'
import { inputOf } from './input.ts'
import { probeParts, type ScanEnd, scanParts } from './probes/internals.ts'
import { startProcess } from './process.ts'
import { commandScript, exportLines, joinLines, script } from './quote.ts'
import { readThroughShell } from './read-file.ts'
import { readable, type Session, untilEnded } from './session.ts'
import { createShells, type Seats } from './shells.ts'
import { writeFile } from './write-file.ts'

/** A host over an open connection. */
export interface ConnectedHost {
  readonly host: Host
  /** The same, with variables for each command. */
  withVariables(variables: NonNullable<Manner['environment']>): Host
  /** Ends the shell and then the connection. */
  close(): Promise<void>
}

/** Lines before the script of a probe: what its step sets. */
interface Before {
  readonly ofUser: Buffer
  /** Where we read what programs say. */
  readonly ours: Buffer
}

const nothing: Before = { ofUser: Buffer.alloc(0), ours: Buffer.alloc(0) }

/**
 * Puts a host together: everything but opening channels is the same over every transport. `seats`: where
 * its long-lived shell must leave room for those of other users.
 */
export function connectHost(session: Session, seats?: Seats): ConnectedHost {
  const shells = createShells(session, seats)
  const { transport } = session

  async function ask<P extends Probes>(
    probes: P,
    io: Io,
    before: Before = nothing,
  ): Promise<Answers<P>> {
    const entries: [string, Probe<unknown>][] = Object.entries(probes)
    const parts = entries.map(([, probe]) => probeParts(probe))
    if (parts.length === 0) return {} as Answers<P>
    const questions = parts.map(({ script: text, limitBytes, ofUser }) => ({
      script: Buffer.concat([ofUser ? before.ofUser : before.ours, text]),
      limitBytes,
    }))
    const replies = await shells.use(io, shell => shell.ask(questions, io))
    const answers = entries.map(([key], index) => {
      const reply = replies[index]
      if (reply === undefined) throw transport.lost()
      return [key, parts[index]?.parse(reply)]
    })
    return Object.fromEntries(answers) as Answers<P>
  }

  async function* scan<T>(
    scanned: Parameters<Host['scan']>[0],
    io: Io,
    before: Before = nothing,
  ): AsyncGenerator<T, void> {
    const parts = scanParts(scanned)
    const input = parts.input?.()
    const text = Buffer.concat([before.ours, parts.script])
    const running = await startProcess(session, { script: text, input, reads: true }, io)
    const end = async (): Promise<ScanEnd> => await running.ended
    try {
      for await (const record of parts.parse(running.stdout, end)) yield record as T
    } finally {
      await running.stdout.return()
    }
  }

  async function run(command: Command, io: Io): Promise<Exit> {
    await untilEnded(session, io)
    if (command.stdin !== undefined) return await shells.useOwn(io, shell => shell.run(command, io))
    const exit = await shells.use(io, async shell =>
      // Without setsid a cancelled command takes its shell along: it gets one of its own.
      shell.hasSetsid ? await shell.run(command, io) : undefined,
    )
    return exit ?? (await shells.useOwn(io, shell => shell.run(command, io)))
  }

  function stream(command: Command, io: Io): ReturnType<Host['stream']> {
    const { stdin } = command
    const body = joinLines([
      ...(stdin === undefined ? [script`exec </dev/null`] : []),
      commandScript(command),
    ])
    const input = stdin === undefined ? undefined : inputOf(stdin)
    const request = { script: body, input, reads: false }
    const starting = untilEnded(session, io).then(() => startProcess(session, request, io))
    starting.catch(() => {})
    const exit = starting.then(async ({ ended }): Promise<Exit> => {
      const { stderr, ...end } = await ended
      return { ...end, stdout: new Uint8Array(), stderr: new Uint8Array(stderr) }
    })
    exit.catch(() => {})
    return {
      stdout: (async function* () {
        yield* (await starting).stdout
      })(),
      exit,
    }
  }

  async function dial(
    address: { readonly host: string; readonly port: number },
    io: Io,
  ): ReturnType<Host['dial']> {
    if (!Number.isInteger(address.port) || address.port < 1 || address.port > 65_535) {
      throw new BkpError('command.failed', `${address.port} is no port`)
    }
    const dialling = transport.dial(address, io)
    // A connection that comes after the caller has gone is closed again.
    dialling.then(
      socket => {
        if (io.signal.aborted) socket.destroy()
      },
      () => {},
    )
    return await orAbort(dialling, io.signal)
  }

  const host: Host = Object.freeze({
    name: session.host,
    transport: transport.name,
    ask: (probes, io) => ask(probes, io),
    scan: ((scanned, io) => scan(scanned, io)) as Host['scan'],
    run,
    stream,
    read: (path, io, range) =>
      transport.read?.(path, io, range) ?? readThroughShell(session, path, io, range),
    write: async (path, bytes, options, io) => {
      await untilEnded(session, io)
      await writeFile(session, shells, path, bytes, options.mode, io)
    },
    dial,
  } satisfies Host)

  /** Files travel as they are: what moves their bytes is none of the step's commands. */
  function hostWith(variables: NonNullable<Manner['environment']>): Host {
    const ofUser = joinLines(exportLines(variables))
    const before = { ofUser, ours: Buffer.concat([ofUser, readable]) }
    const set = (command: Command): Command => ({
      ...command,
      env: { ...variables, ...command.env },
    })
    return Object.freeze({
      ...host,
      ask: (probes, io) => ask(probes, io, before),
      scan: ((scanned, io) => scan(scanned, io, before)) as Host['scan'],
      run: (command, io) => run(set(command), io),
      stream: (command, io) => stream(set(command), io),
    } satisfies Host)
  }

  return Object.freeze({
    host,
    withVariables: (variables: NonNullable<Manner['environment']>) =>
      Object.keys(variables).length === 0 ? host : hostWith(variables),
    close: async () => {
      await shells.close()
      await transport.close()
    },
  })
}
