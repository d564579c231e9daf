import { readFile, stat } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { AnyAuthMethod } from 'ssh2'
import ssh2 from 'ssh2'
import { BkpError } from '../../base/errors.ts'
import type { HostAddress } from '../contract.ts'

/** What of the controller's surroundings a login depends on. */
export interface Surroundings {
  /** Where `~` leads. */
  readonly home: string
  readonly user: string
  /** SSH_AUTH_SOCK. */
  readonly agentSocket?: string
}

/** The surroundings of this process. */
export function currentSurroundings(): Surroundings {
  const agent = process.env['SSH_AUTH_SOCK']
  return {
    home: homedir(),
    user: userInfo().username,
    ...(agent === undefined || agent === '' ? {} : { agentSocket: agent }),
  }
}

/** `~` and `~/...` as paths of this user. */
export function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path
}

/** Keys that ssh tries when none is named, in this order. */
const defaultIdentities = ['id_ed25519', 'id_rsa'] as const

/** The text of a private key that others cannot read, or why there is none. */
async function readKey(file: string): Promise<{ readonly key: Buffer } | { readonly why: string }> {
  try {
    // ssh itself refuses such a key: whoever else can read it can log in.
    if (((await stat(file)).mode & 0o077) !== 0) {
      return { why: `${file} may be read by others: chmod 600 ${file}` }
    }
    const key = await readFile(file)
    const parsed = ssh2.utils.parseKey(key)
    if (parsed instanceof Error) return { why: `${file}: ${parsed.message}` }
    return { key }
  } catch (thrown) {
    return { why: `${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

/** The user to log in as. */
export function loginUser(address: HostAddress, surroundings: Surroundings): string {
  return address.user ?? surroundings.user
}

/**
 * The ways to log in, in the order they are tried: the key that was named, the agent, the usual keys,
 * the password. @throws ssh.auth_failed when the key that was named cannot be used
 */
export async function loginMethods(
  address: HostAddress,
  surroundings: Surroundings,
): Promise<readonly AnyAuthMethod[]> {
  const username = loginUser(address, surroundings)
  const methods: AnyAuthMethod[] = []
  if (address.privateKeyFile !== undefined) {
    const read = await readKey(expandHome(address.privateKeyFile, surroundings.home))
    if (!('key' in read)) {
      throw new BkpError('ssh.auth_failed', `the private key cannot be used: ${read.why}`, {
        hint: 'a key with a passphrase is used through ssh-agent: ssh-add, and name no key file',
      })
    }
    methods.push({ type: 'publickey', username, key: read.key })
  }
  if (surroundings.agentSocket !== undefined) {
    methods.push({ type: 'agent', username, agent: surroundings.agentSocket })
  }
  if (address.privateKeyFile === undefined) {
    for (const name of defaultIdentities) {
      const read = await readKey(join(surroundings.home, '.ssh', name))
      if ('key' in read) methods.push({ type: 'publickey', username, key: read.key })
    }
  }
  const password = address.password?.reveal()
  if (password !== undefined) {
    methods.push({ type: 'password', username, password })
    methods.push({
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) =>
        // A question whose answer would be shown is not the one for the password.
        finish(prompts.map(prompt => (prompt.echo === true ? '' : password))),
    })
  }
  return methods
}
