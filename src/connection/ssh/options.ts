import type { SshOption } from '../contract.ts'

/** ssh options that bkp follows, as ssh_config(5) spells them. */
export const followedOptions = [
  'AddressFamily',
  'BindAddress',
  'Ciphers',
  'ConnectTimeout',
  'ConnectionAttempts',
  'GlobalKnownHostsFile',
  'HostKeyAlgorithms',
  'HostKeyAlias',
  'HostName',
  'IdentitiesOnly',
  'IdentityAgent',
  'IdentityFile',
  'KbdInteractiveAuthentication',
  'KexAlgorithms',
  'MACs',
  'PasswordAuthentication',
  'Port',
  'PreferredAuthentications',
  'ProxyCommand',
  'ProxyJump',
  'PubkeyAuthentication',
  'StrictHostKeyChecking',
  'User',
  'UserKnownHostsFile',
] as const

/** Older names of the same options. */
const olderNames: Readonly<Record<string, string>> = {
  challengeresponseauthentication: 'kbdinteractiveauthentication',
  skeyauthentication: 'kbdinteractiveauthentication',
  dsaauthentication: 'pubkeyauthentication',
}

/** Options that make ssh(1) keep, check, share or decorate connections: bkp does these by itself. */
const needless =
  /^(control|serveralive|tcpkeepalive|batchmode|loglevel|compression|forwardagent|forwardx11|requesttty|visualhostkey|updatehostkeys|checkhostip|hashknownhosts|addkeystoagent|numberofpasswordprompts|exitonforwardfailure|clearallforwardings|permitlocalcommand|escapechar|ipqos|rekeylimit|streamlocalbind)/

/** Options that only ask for what bkp does anyway when they are off. */
const needlessWhenOff =
  /^(gssapi|hostbasedauthentication|verifyhostkeydns|canonicalizehostname|proxyusefdpass|kerberos)/

/**
 * Options of a file that must not be passed over in silence: without them another machine would be
 * reached, or a key accepted that was ruled out.
 */
const refused: Readonly<Record<string, string>> = {
  revokedhostkeys: 'write the keys into a known_hosts file, as @revoked lines',
  canonicalizehostname: 'name the host with its domain, or write HostName',
  proxyusefdpass: 'use ProxyJump',
}

const followed: ReadonlySet<string> = new Set(followedOptions.map(name => name.toLowerCase()))

/** The keyword as it is looked up: lower case, older names as today's. */
export function optionKey(keyword: string): string {
  const lower = keyword.toLowerCase()
  return olderNames[lower] ?? lower
}

/** What bkp does about an option. */
export type Treatment = 'followed' | 'needless' | 'not_followed'

/** How an option is treated; `key` as optionKey gives it. */
export function treatmentOf([key, value]: SshOption): Treatment {
  if (followed.has(key)) return 'followed'
  if (needless.test(key) || (needlessWhenOff.test(key) && isOff(value))) return 'needless'
  return 'not_followed'
}

/** What to do instead of an option that must not be passed over, or undefined for all others. */
export function refusalOf([key, value]: SshOption): string | undefined {
  return isOff(value) || !Object.hasOwn(refused, key) ? undefined : refused[key]
}

function isOff(value: string): boolean {
  return /^(no|none|off|false)$/i.test(value)
}

/** How strictly host keys are checked. */
export type Strictness = 'yes' | 'no' | 'accept-new'

/** The value of StrictHostKeyChecking; undefined for words that ssh would not take. */
export function parseStrictness(value: string): Strictness | undefined {
  const lower = value.toLowerCase()
  if (lower === 'no' || lower === 'off' || lower === 'false') return 'no'
  if (lower === 'accept-new') return 'accept-new'
  // `ask` cannot be answered by a run: unknown keys are refused, as with yes.
  return ['yes', 'ask', 'true'].includes(lower) ? 'yes' : undefined
}
