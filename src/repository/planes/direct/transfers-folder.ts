import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { Host } from '../../../connection/contract.ts'

/** A folder of ours on a host, for what travels; it goes with the connection, however that ends. */
export interface TransferFolder {
  /** Absolute, 0700. */
  readonly path: string
  /** Removes it with all that is in it; where the connection was lost, the host does so by itself. */
  close(): Promise<void>
}

/**
 * Makes a folder, tells its name, and removes it when its own stdin ends: when whoever asked for it says
 * so, is killed, or is cut off. What still writes into it meanwhile makes a folder not empty again, and
 * whoever ends our group would end a `rm` in it: it is removed by a process of its own.
 */
const keeperScript = `
umask 077
d=$(mktemp -d "$1/bkp-XXXXXXXXXX") || exit 1
again='for i in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$1"; [ -e "$1" ] || exit 0; sleep 1; done'
clear() {
  trap '' HUP INT TERM
  setsid sh -c "$again" sh "$d" </dev/null >/dev/null 2>&1 &
  wait
}
trap clear EXIT
trap 'exit 143' HUP INT TERM
printf '%s\\n' "$d"
cat >/dev/null
`

/**
 * Makes a folder of our own in another one. It occupies one channel of the connection, and is removed
 * when it is closed, when `io` is cancelled and when the connection is lost.
 * @throws repository.plane_unavailable, ssh.*
 */
export async function openFolder(host: Host, above: string, io: Io): Promise<TransferFolder> {
  let end = (): void => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const { stdout, exit } = host.stream(
    {
      argv: ['sh', '-c', keeperScript, 'bkp-folder', above],
      stdin: nothingUntil(ended),
      env: { LC_ALL: 'C' },
    },
    io,
  )
  const output = stdout[Symbol.asyncIterator]()
  let said = ''
  const rest = async (): Promise<void> => {
    while ((await output.next()).done !== true) {
      // It says no more.
    }
  }
  try {
    while (!said.includes('\n')) {
      const next = await output.next()
      if (next.done === true) throw await noFolder(host, above, exit)
      said += Buffer.from(next.value).toString('latin1')
    }
  } catch (thrown) {
    end()
    throw thrown
  }
  return Object.freeze({
    path: said.slice(0, said.indexOf('\n')),
    close: async () => {
      end()
      await Promise.allSettled([rest(), exit])
    },
  })
}

async function* nothingUntil(ended: Promise<void>): AsyncIterable<Uint8Array> {
  await ended
  yield* []
}

async function noFolder(
  host: Host,
  above: string,
  exit: ReturnType<Host['stream']>['exit'],
): Promise<BkpError> {
  const { stderr } = await exit
  const said = escapeControls(Buffer.from(stderr).toString().trim(), { newlines: true })
  return new BkpError(
    'command.failed',
    `${host.name}: no folder can be made in ${above}: ${said}`,
    {
      hint: 'use plane: relay, which needs none',
      details: { host: host.name },
    },
  )
}
