import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BkpError } from '../../base/errors.ts'
import { hintWord, jumpWords, shown } from './errors.ts'
import {
  fingerprint,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownHostName,
  parseKnownHosts,
} from './known-hosts.ts'
import type { SshTarget } from './target.ts'

/** Lines of all files; one that is not there holds none. @throws ssh.host_key_unknown when one cannot be read */
export async function readKnownHosts(files: readonly string[]): Promise<readonly KnownHost[]> {
  const read = files.map(async file => {
    try {
      return parseKnownHosts(await readFile(file, 'utf8'), file)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw new BkpError('ssh.host_key_unknown', `${file} cannot be read`, { cause: thrown })
    }
  })
  return (await Promise.all(read)).flat()
}

/** What to do with a key: go on when nothing is said. */
export interface Decision {
  readonly refusal?: BkpError
  /** A line for the first known_hosts file: `accept-new` remembers the key. */
  readonly remember?: string
  /** The key is another one than known, and checking is off: no password may be given. */
  readonly isSuspect?: boolean
}

/** Decides on the key that a host showed, before anything is sent to it. */
export function decideHostKey(
  target: SshTarget,
  entries: readonly KnownHost[],
  key: Buffer,
): Decision {
  const name = target.keyName
  const look = `${shown(keyTypeOf(key))} ${fingerprint(key)}`
  const verdict = judgeHostKey(entries, name, key)
  const host = shown(name)
  const file = hintWord(target.knownHostsFiles[0] ?? '~/.ssh/known_hosts')
  const details = { host: target.name, fingerprint: fingerprint(key) }
  if (verdict.kind === 'known') return {}
  if (verdict.kind === 'revoked') {
    const message = `the key of ${host} is revoked (${verdict.place}): ${look}`
    const hint =
      'do not connect: whoever shows a revoked key is not the host, or it needs a new key'
    return { refusal: new BkpError('ssh.host_key_changed', message, { details, hint }) }
  }
  // ssh goes on here, too, and gives no password to what may be another machine.
  if (target.strictness === 'no') return verdict.kind === 'changed' ? { isSuspect: true } : {}
  if (verdict.kind === 'changed') {
    const message = `the key of ${host} is not the one in ${verdict.places.join(', ')}: it shows ${look}`
    const files = [...new Set(verdict.places.map(place => place.replace(/:\d+$/, '')))]
    const removals = files.map(each => `ssh-keygen -R ${hintWord(name)} -f ${hintWord(each)}`)
    const hint = `if the host was set up anew: ${removals.join('; ')}, then ${keyscan(target)} >> ${hintWord(files[0] ?? '')}; otherwise someone else is answering`
    return { refusal: new BkpError('ssh.host_key_changed', message, { details, hint }) }
  }
  if (target.strictness === 'accept-new') {
    return { remember: `${name} ${keyTypeOf(key)} ${key.toString('base64')}\n` }
  }
  if (verdict.onlyAuthorities) {
    const message = `the key of ${host} is in no known_hosts file: there is a @cert-authority line for it, but bkp does not read host certificates; it shows ${look}`
    const hint = `ssh checks the certificate; let it fetch the key: ssh${jumpWords(target)} -p ${target.port} ${hintWord(target.hostname)} 'cat /etc/ssh/ssh_host_*_key.pub', and write each line after ${hintWord(name)} into ${file}`
    return { refusal: new BkpError('ssh.host_key_unknown', message, { details, hint }) }
  }
  const message = `the key of ${host} is in no known_hosts file: it shows ${look}`
  const hint = `compare the fingerprint on the host, then: ${keyscan(target)} >> ${file}`
  return { refusal: new BkpError('ssh.host_key_unknown', message, { details, hint }) }
}

/** The command that prints a host's keys as lines of a known_hosts file; behind a jump host it runs there. */
function keyscan(target: SshTarget): string {
  const port = target.port === 22 ? '' : ` -p ${target.port}`
  const scan = `ssh-keyscan${port} ${hintWord(target.hostname)}`
  const [jump] = target.jumps.slice(-1)
  if (jump !== undefined) {
    const before = target.jumps.slice(0, -1)
    const user = jump.user === undefined ? '' : `${jump.user}@`
    const jumpPort = jump.port === undefined ? '' : ` -p ${jump.port}`
    const way = jumpWords({ ...target, jumps: before })
    return `ssh${way}${jumpPort} ${hintWord(`${user}${jump.host}`)} ${scan}`
  }
  const alias = target.keyName !== knownHostName(target.hostname, target.port)
  // An alias is filed under its own name.
  return alias ? `${scan} | sed 's/^[^ ]*/${target.keyName.replace(/[^\w.-]/g, '.')}/'` : scan
}

/** Appends a line to a known_hosts file, which is made where it is missing. */
export async function rememberHostKey(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await appendFile(file, line, { mode: 0o600 })
}
