import { homedir, hostname, userInfo } from 'node:os'
import { join } from 'node:path'

/** What of the controller's surroundings a login depends on. */
export interface Surroundings {
  /** Where `~` leads. */
  readonly home: string
  readonly user: string
  /** SSH_AUTH_SOCK. */
  readonly agentSocket?: string
  /** ssh's own files; `~/.ssh/config` and `/etc/ssh/ssh_config` unless given. */
  readonly configFiles?: { readonly user: string; readonly system: string }
  /** The numeric id of the user, who must own the files that ssh trusts. */
  readonly uid?: number
  /** For `${NAME}` in paths of ssh's files. */
  readonly environment?: (name: string) => string | undefined
  /** This machine's name, `%l` and `%L` of ssh's files. */
  readonly machine?: string
}

/** The surroundings of this process. */
export function currentSurroundings(): Surroundings {
  const agent = process.env['SSH_AUTH_SOCK']
  const uid = process.getuid?.()
  return {
    home: homedir(),
    user: userInfo().username,
    machine: hostname(),
    environment: name => process.env[name],
    ...(uid === undefined ? {} : { uid }),
    ...(agent === undefined || agent === '' ? {} : { agentSocket: agent }),
  }
}

/** `~` and `~/...` as paths of this user. */
export function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path
}
