import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { HostAddress } from '../contract.ts'
import {
  fingerprint,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownHostName,
  parseKnownHosts,
} from './known-hosts.ts'

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

/** A word of a command line in a hint; names from an inventory may hold anything. */
function hintWord(word: string): string {
  const shown = escapeControls(word, { newlines: false })
  return /^[A-Za-z0-9_.:/~@%[\]-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`
}

/** What to do with a key: undefined to go on, or the refusal. */
export interface Decision {
  readonly refusal?: BkpError
  /** A line for the first known_hosts file: `accept-new` remembers the key. */
  readonly remember?: string
}

/** Decides on the key that a host showed, before anything is sent to it. */
export function decideHostKey(
  address: HostAddress,
  entries: readonly KnownHost[],
  files: readonly string[],
  key: Buffer,
): Decision {
  const name = knownHostName(address.hostname, address.port)
  const shown = `${keyTypeOf(key)} ${fingerprint(key)}`
  const verdict = judgeHostKey(entries, name, key)
  const host = escapeControls(name, { newlines: false })
  const file = files[0] ?? '~/.ssh/known_hosts'
  const details = { host: address.name, fingerprint: fingerprint(key) }
  if (verdict.kind === 'known') return {}
  if (verdict.kind === 'revoked') {
    const message = `the key of ${host} is revoked (${verdict.place}): ${shown}`
    const hint =
      'do not connect: whoever shows a revoked key is not the host, or it needs a new key'
    return { refusal: new BkpError('ssh.host_key_changed', message, { details, hint }) }
  }
  if (address.strictHostKeyChecking === 'no') return {}
  if (verdict.kind === 'changed') {
    const message = `the key of ${host} is not the one in ${verdict.places.join(', ')}: it shows ${shown}`
    const hint = `if the host was set up anew: ssh-keygen -R ${hintWord(name)} -f ${hintWord(file)}, then add its new key; otherwise someone else is answering`
    return { refusal: new BkpError('ssh.host_key_changed', message, { details, hint }) }
  }
  if (address.strictHostKeyChecking === 'accept-new') {
    return { remember: `${name} ${keyTypeOf(key)} ${key.toString('base64')}\n` }
  }
  const authorities = verdict.onlyAuthorities
    ? ' (there is a @cert-authority line for it, but bkp does not read host certificates)'
    : ''
  const message = `the key of ${host} is in no known_hosts file${authorities}: it shows ${shown}`
  const port = address.port === 22 ? '' : ` -p ${address.port}`
  const hint = `compare the fingerprint on the host, then: ssh-keyscan${port} ${hintWord(address.hostname)} >> ${hintWord(file)}`
  return { refusal: new BkpError('ssh.host_key_unknown', message, { details, hint }) }
}

/** Appends a line to a known_hosts file, which is made where it is missing. */
export async function rememberHostKey(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await appendFile(file, line, { mode: 0o600 })
}
