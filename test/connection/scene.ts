import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import type { HostAddress } from '../../src/connection/contract.ts'
import { type ConnectionPool, createConnectionPool } from '../../src/connection/pool.ts'
import type { Surroundings } from '../../src/connection/ssh/surroundings.ts'

/** A home folder as a user's of the controller: keys, known hosts and ~/.ssh/config below it. */
export interface ControllerHome {
  readonly path: string
  /** Writes a file below it that only its owner may read; gives its path. */
  write(name: string, text: string): string
  /** Makes a key pair; gives the private key's path. */
  key(name: string, options?: { readonly passphrase?: string; readonly type?: string }): string
  /** What bkp sees of it; no agent unless one is named. */
  surroundings(agentSocket?: string): Surroundings
  /** A pool of these hosts, closed with the home. */
  pool(addresses: readonly HostAddress[], surroundings?: Surroundings): ConnectionPool
  /** An ssh-agent with these keys; gives its socket. */
  agent(keys: readonly string[]): string
  /** Ends agents and closes pools. */
  settle(): Promise<void>
  remove(): void
}

/** Makes a home that shares nothing with this machine's. */
export function controllerHome(): ControllerHome {
  const path = mkdtempSync(join(tmpdir(), 'bkp-home-'))
  mkdirSync(join(path, '.ssh'), { mode: 0o700 })
  let pools: ConnectionPool[] = []
  let agents: number[] = []
  const surroundings = (agentSocket?: string): Surroundings => ({
    home: path,
    user: 'root',
    uid: process.getuid?.() ?? 0,
    configFiles: { user: join(path, '.ssh/config'), system: join(path, 'ssh_config') },
    ...(agentSocket === undefined ? {} : { agentSocket }),
  })
  return Object.freeze({
    path,
    write: (name, text) => {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text, { mode: 0o600 })
      return file
    },
    key: (name, { passphrase = '', type = 'ed25519' } = {}) => {
      const file = join(path, name)
      rmSync(file, { force: true })
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', name, '-f', file])
      return file
    },
    surroundings,
    pool: (addresses, around = surroundings()) => {
      const pool = createConnectionPool({
        addresses: new Map(addresses.map(address => [address.name, address])),
        random: systemRandom,
        clock: systemClock,
        surroundings: around,
        graceMs: 200,
      })
      pools.push(pool)
      return pool
    },
    agent: keys => {
      const socket = join(path, `agent-${agents.length}-${process.hrtime.bigint()}`)
      const printed = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' })
      agents.push(Number(/SSH_AGENT_PID=(\d+)/.exec(printed)?.[1]))
      for (const key of keys) {
        const env = { ...process.env, SSH_AUTH_SOCK: socket }
        const { status, stderr } = spawnSync('ssh-add', ['-q', key], { env, encoding: 'utf8' })
        if (status !== 0) throw new Error(stderr)
      }
      return socket
    },
    settle: async () => {
      await Promise.all(pools.map(pool => pool.close()))
      pools = []
      for (const pid of agents) process.kill(pid, 'SIGTERM')
      agents = []
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  } satisfies ControllerHome)
}
