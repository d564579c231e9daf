import { execFileSync } from 'node:child_process'
import type { SshdHosts } from './sshd.ts'

/** Users of the test hosts, and what their sudoers lets them do. None of them is a user of this machine. */
export const sudoUsers = {
  /** Becomes anybody with its password. */
  asked: 'bkp-asked',
  /** Becomes anybody without a password. */
  free: 'bkp-free',
  /** Becomes nobody. */
  none: 'bkp-none',
  /** May, but only at a terminal. */
  tty: 'bkp-tty',
  /** A user to become: neither root nor one that logs in. */
  database: 'bkp-db',
} as const

/** Of those who log in. */
export const sudoPassword = 'pass word $1\'"`%p'

/**
 * Gives a host these users, with homes below its data folder: only there, by an /etc of its own. Needs `dataDir`.
 */
export function addSudoUsers(servers: SshdHosts, host: string): void {
  const { dataDir } = servers.hosts.find(({ name }) => name === host) ?? { dataDir: '' }
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], {
    input: sudoPassword,
    encoding: 'utf8',
  }).trim()
  const users = Object.values(sudoUsers).map((name, index) => ({ name, id: 47_100 + index }))
  const lines = (format: (user: { name: string; id: number }) => string) =>
    users.map(format).join('\n')
  const files = {
    passwd: lines(({ name, id }) => `${name}:x:${id}:${id}::${dataDir}/home/${name}:/bin/sh`),
    group: lines(({ name, id }) => `${name}:x:${id}:`),
    shadow: lines(({ name }) => `${name}:${hash}:19000:0:99999:7:::`),
  }
  const sudoers = [
    'Defaults env_reset, timestamp_timeout=0, !fqdn',
    `Defaults:${sudoUsers.tty} requiretty`,
    'root ALL=(ALL:ALL) ALL',
    `${sudoUsers.asked} ALL=(ALL:ALL) ALL`,
    `${sudoUsers.free} ALL=(ALL:ALL) NOPASSWD: ALL`,
    `${sudoUsers.tty} ALL=(ALL:ALL) NOPASSWD: ALL`,
    '',
  ].join('\n')
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  // All of /etc, not single files: a useradd of another test replaces those, and mounts over them go.
  const added = Object.entries(files).map(
    ([file, text]) => `printf '%s\\n' ${quoted(text)} >>${file}`,
  )
  servers.runOn(
    host,
    [
      'set -e; umask 022',
      `mkdir -p ${dataDir}/home ${dataDir}/etc`,
      // Once more where something went meanwhile, as the files that a useradd of another test makes.
      `for try in 1 2 3 4 5; do cp -a /etc/. ${dataDir}/etc && break || [ $try -lt 5 ]; done`,
      `cd ${dataDir}/etc`,
      ...added,
      `printf '%s' ${quoted(sudoers)} >sudoers; chmod 440 sudoers; mount --bind . /etc`,
      ...users.map(
        ({ name, id }) =>
          `mkdir -m 700 ${dataDir}/home/${name}; chown ${id}:${id} ${dataDir}/home/${name}`,
      ),
    ].join('\n'),
  )
}
