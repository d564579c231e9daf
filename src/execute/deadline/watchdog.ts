import { createHash } from 'node:crypto'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Command, Host } from '../../connection/contract.ts'
import { runCommand } from '../../modules/apply-commands.ts'
import { armText, beatText, control, disarmText, watchdogScript } from './script.ts'

/**
 * What became of a watchdog: `absent` has no folder (disarmed, or the machine was booted since), `gone`
 * was killed, `fired` has run the release with that status.
 */
export type WatchdogState =
  | { readonly kind: 'armed' | 'firing' | 'gone' | 'absent' }
  | { readonly kind: 'fired'; readonly status: number }

/** The watchdog of one step on one host, by the name of its folder there. */
export interface Watchdog {
  /** @throws command.failed, ssh.* */
  arm(commands: readonly Command[], deadlineMs: number, io: Io): Promise<void>
  /** Tells it that the controller lives, and how it is. @throws ssh.* */
  beat(word: string, io: Io): Promise<WatchdogState>
  /** @throws command.failed, ssh.* */
  disarm(io: Io): Promise<void>
}

/** Which step of which run a watchdog is for: found again by whoever goes on with the run. */
export interface WatchdogKey {
  readonly run: string
  readonly step: string
  readonly item: number | undefined
  readonly host: string
}

/** The folder's name, below the host's folder for temporary files. */
function folderName({ run, step, item, host }: WatchdogKey): string {
  const text = JSON.stringify([step, item ?? null, host])
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return `.bkp-watchdog-${run}-${digest}`
}

export function createWatchdog(host: Pick<Host, 'run' | 'name'>, key: WatchdogKey): Watchdog {
  const name = folderName(key)
  return Object.freeze({
    arm: async (commands, deadlineMs, io) => {
      const stdin = new Uint8Array(watchdogScript(commands, deadlineMs))
      const exit = await host.run({ argv: control(armText, name), stdin }, io)
      if (exit.code === 0) return
      const why = new TextDecoder().decode(exit.stderr).trim()
      throw new BkpError('deadline.impossible', `no watchdog on ${key.host}: ${why}`, {
        hint: 'see its folder for temporary files; or leave the deadline out',
        details: { host: key.host },
      })
    },
    beat: async (word, io) => {
      const { stdout } = await runCommand(host as Host, { argv: control(beatText, name, word) }, io)
      const [kind, status] = new TextDecoder().decode(stdout).trim().split(' ')
      if (kind === 'fired') return { kind, status: Number(status) }
      if (kind === 'armed' || kind === 'firing' || kind === 'gone') return { kind }
      return { kind: 'absent' }
    },
    disarm: async io => {
      await runCommand(host as Host, { argv: control(disarmText, name) }, io)
    },
  } satisfies Watchdog)
}
