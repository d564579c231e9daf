import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from './abort.ts'
import type { Answers, Command, Exit, Host, Probe, Probes } from './contract.ts'
import { inputOf } from './input.ts'
import { probeParts, type ScanEnd, scanParts } from './probes/internals.ts'
import { startProcess } from './process.ts'
import { commandScript, joinLines, script } from './quote.ts'
import { readThroughShell } from './read-file.ts'
import { type Session, untilEnded } from './session.ts'
import { createShells, type Seats } from './shells.ts'
import { writeFile } from './write-file.ts'

/** A host over an open connection. */
export interface ConnectedHost {
  readonly host: Host
  /** Ends the shell and then the connection. */
  close(): Promise<void>
}

/**
 * Puts a host together: everything but opening channels is the same over every transport. `seats`: where
 * its long-lived shell must leave room for those of other users.
 */
export function connectHost(session: Session, seats?: Seats): ConnectedHost {
  const shells = createShells(session, seats)
  const { transport } = session

  async function ask<P extends Probes>(probes: P, io: Io): Promise<Answers<P>> {
    const entries: [string, Probe<unknown>][] = Object.entries(probes)
    const parts = entries.map(([, probe]) => probeParts(probe))
    if (parts.length === 0) return {} as Answers<P>
    const replies = await shells.use(io, shell => shell.ask(parts, io))
    const answers = entries.map(([key], index) => {
      const reply = replies[index]
      if (reply === undefined) throw transport.lost()
      return [key, parts[index]?.parse(reply)]
    })
    return Object.fromEntries(answers) as Answers<P>
  }

  async function* scan<T>(scanned: Parameters<Host['scan']>[0], io: Io): AsyncGenerator<T, void> {
    const parts = scanParts(scanned)
    const input = parts.input?.()
    const running = await startProcess(session, { script: parts.script, input, reads: true }, io)
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
    ask,
    scan: scan as Host['scan'],
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

  return Object.freeze({
    host,
    close: async () => {
      await shells.close()
      await transport.close()
    },
  })
}
