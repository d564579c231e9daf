import type { Io } from '../../../base/io.ts'
import type { Command, Exit, Host } from '../../../connection/contract.ts'

/**
 * A daemon keeps what it inherits: with a pipe of ours in its hands the command would not end before it
 * does, and as one of our group it would end with us. So: a file, and a session of its own.
 */
const wrapper = [
  'out=$(mktemp) || exit 70',
  's=$(command -v setsid)',
  '$s "$@" >"$out" 2>&1 </dev/null',
  'code=$?',
  'tail -c 16384 "$out"; rm -f "$out"',
  'exit $code',
].join('\n')

/** Runs what starts or stops a service; its last 16 KiB of output are `stdout`, both streams in one. */
export async function runService(host: Host, command: Command, io: Io): Promise<Exit> {
  return await host.run({ ...command, argv: ['/bin/sh', '-c', wrapper, 'sh', ...command.argv] }, io)
}

/**
 * Sends a signal to one process: not to another that has got its number since.
 * Nothing happens where it is gone.
 */
const signaller = [
  `now=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)`,
  '[ "$now" = "$2" ] || exit 0',
  'kill -s "$3" "$1"',
].join('\n')

/** A process by its number and its start. */
export interface OneProcess {
  readonly pid: number
  readonly startTicks: string
}

export async function signalProcess(
  host: Host,
  { pid, startTicks }: OneProcess,
  signal: 'TERM' | 'KILL',
  io: Io,
): Promise<Exit> {
  const argv = ['/bin/sh', '-c', signaller, 'sh', String(pid), startTicks, signal]
  return await host.run({ argv }, io)
}

/** Whether something answers on a port, from the host itself. */
export async function accepts(
  host: Host,
  address: { readonly host: string; readonly port: number },
  io: Io,
): Promise<boolean> {
  try {
    const socket = await host.dial(address, io)
    socket.on('error', () => {})
    socket.destroy()
    return true
  } catch {
    io.signal.throwIfAborted()
    return false
  }
}
