import { join } from 'node:path'
import type { Secret } from '../../base/secret.ts'
import type { HostAddress, SshOption } from '../contract.ts'
import { type AskedAlgorithms, askedAlgorithms } from './algorithms.ts'
import { configFault } from './config/fault.ts'
import {
  type Options,
  type OptionValue,
  optionsOf,
  type ReadSections,
} from './config/options-of.ts'
import { expandPath, expandTokens, type TokenValues } from './config/tokens.ts'
import { isHostName, isUserName, type JumpHost, parseJumps } from './jump.ts'
import { knownHostName } from './known-hosts.ts'
import { parseStrictness, type Strictness } from './options.ts'
import { expandHome, type Surroundings } from './surroundings.ts'

/** A private key to log in with. */
export interface Identity {
  /** Where it is read, or the name it is called by in messages. */
  readonly file: string
  /** Its text, where it is no file. */
  readonly text?: Secret
  readonly passphrase?: Secret
}

/** A way of proving who one is, as ssh names them. */
export type LoginKind = 'publickey' | 'password' | 'keyboard-interactive'

/** Everything a connection needs to know, found in the inventory and in ssh's files. */
export interface SshTarget {
  /** Its name in messages: the inventory's, or the jump host as it is written. */
  readonly name: string
  readonly hostname: string
  readonly port: number
  readonly user: string
  /** The name its key is filed under. */
  readonly keyName: string
  readonly strictness: Strictness
  /** The first is where new keys are remembered. */
  readonly knownHostsFiles: readonly string[]
  /** Of TCP, handshake and login together. */
  readonly connectTimeoutMs: number
  /** How often a host that cannot be reached is tried; at least once. */
  readonly attempts: number
  /** Keys that were named; without any, ssh's usual files. */
  readonly identities: readonly Identity[]
  /** False where the usual files are meant. */
  readonly isIdentityNamed: boolean
  /** True when only these keys may be tried of all that the agent holds. */
  readonly identitiesOnly: boolean
  readonly agentSocket: string | undefined
  readonly password: Secret | undefined
  /** In the order they are tried. */
  readonly logins: readonly LoginKind[]
  readonly algorithms: AskedAlgorithms
  /** 4 or 6; 0 for either. */
  readonly family: 0 | 4 | 6
  readonly localAddress: string | undefined
  readonly jumps: readonly JumpHost[]
  /** The shell text that stands for the connection, expanded. */
  readonly proxyCommand: string | undefined
}

/** Where targets are looked up. */
export interface TargetSources {
  readonly surroundings: Surroundings
  readonly read: ReadSections
}

/** Keys that ssh tries when none is named, in this order. */
const usualIdentities = ['id_ed25519', 'id_ecdsa', 'id_rsa'] as const
const usualKnownHosts = ['.ssh/known_hosts', '.ssh/known_hosts2'] as const
const systemKnownHosts = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'] as const
const defaultTimeoutMs = 10_000

/**
 * A host of the inventory as it is to be reached.
 * @throws ssh.config_invalid for options that cannot be followed
 */
export async function targetOf(address: HostAddress, sources: TargetSources): Promise<SshTarget> {
  const given: SshOption[] = [
    ...option('user', address.user),
    ...option('port', address.port),
    ...option('stricthostkeychecking', address.strictHostKeyChecking),
    ...option('proxyjump', address.jump),
    ...(address.sshOptions ?? []),
  ]
  const named: Identity[] = []
  const passphrase =
    address.privateKeyPassphrase === undefined ? {} : { passphrase: address.privateKeyPassphrase }
  if (address.privateKey !== undefined) {
    named.push({
      file: 'the key in ansible_ssh_private_key',
      text: address.privateKey,
      ...passphrase,
    })
  }
  if (address.privateKeyFile !== undefined) named.push({ file: address.privateKeyFile })
  return await resolve(
    {
      name: address.name,
      host: address.hostname,
      given,
      named,
      passphrase: address.privateKeyPassphrase,
      password: address.password,
      knownHostsFiles: address.knownHostsFiles,
      connectTimeoutMs: address.connectTimeoutMs,
      configFile: address.sshConfigFile,
    },
    sources,
  )
}

/**
 * A jump host on the way to a host. As with ssh it follows ssh's files alone, so that what an inventory
 * says of a host weakens nothing here; only the keys and known_hosts files it names are looked at, too.
 * @throws ssh.config_invalid
 */
export async function jumpTargetOf(
  jump: JumpHost,
  address: HostAddress,
  sources: TargetSources,
): Promise<SshTarget> {
  const given = [...option('user', jump.user), ...option('port', jump.port)]
  const target = await resolve(
    {
      name: `${jump.user === undefined ? '' : `${jump.user}@`}${jump.host}`,
      host: jump.host,
      given,
      named: [],
      passphrase: undefined,
      password: undefined,
      knownHostsFiles: undefined,
      connectTimeoutMs: address.connectTimeoutMs,
      configFile: address.sshConfigFile,
    },
    sources,
  )
  const own = await targetOf(address, sources)
  const identities = own.isIdentityNamed && !target.identitiesOnly ? own.identities : []
  return {
    ...target,
    identities: [...target.identities, ...identities],
    isIdentityNamed: target.isIdentityNamed || identities.length > 0,
    knownHostsFiles: [...new Set([...target.knownHostsFiles, ...own.knownHostsFiles])],
  }
}

interface Request {
  readonly name: string
  readonly host: string
  readonly given: readonly SshOption[]
  readonly named: readonly Identity[]
  readonly passphrase: Secret | undefined
  readonly password: Secret | undefined
  readonly knownHostsFiles: readonly string[] | undefined
  readonly connectTimeoutMs: number | undefined
  readonly configFile: string | undefined
}

async function resolve(request: Request, sources: TargetSources): Promise<SshTarget> {
  const { surroundings, read } = sources
  const options = await optionsOf({
    host: request.host,
    given: request.given,
    givenPlace: request.name,
    surroundings,
    read,
    ...(request.configFile === undefined ? {} : { configFile: request.configFile }),
  })
  const value = (keyword: string) => options.get(keyword)?.[0]
  const port = numberOf(value('port'), 65_535) ?? 22
  const user = value('user')?.text ?? surroundings.user
  const named = value('hostname')
  const partly = { original: request.host, port, user, hostKeyAlias: undefined }
  const hostname =
    named === undefined
      ? request.host
      : expandTokens(named, { ...partly, hostname: request.host }, surroundings)
  const hostKeyAlias = value('hostkeyalias')?.text
  const tokens: TokenValues = { ...partly, hostname, hostKeyAlias }
  const { identities, isIdentityNamed } = identitiesOf(request, options, tokens, surroundings)
  const agentSocket = agentOf(value('identityagent'), tokens, surroundings)
  return {
    name: request.name,
    hostname,
    port,
    user,
    keyName: hostKeyAlias ?? knownHostName(hostname, port),
    strictness: strictnessOf(value('stricthostkeychecking')),
    knownHostsFiles: knownHostsOf(request, options, tokens, surroundings),
    connectTimeoutMs:
      request.connectTimeoutMs ?? timeoutOf(value('connecttimeout')) ?? defaultTimeoutMs,
    attempts: Math.max(1, numberOf(value('connectionattempts'), 1000) ?? 1),
    identities,
    isIdentityNamed,
    identitiesOnly: isOn(value('identitiesonly')) ?? false,
    agentSocket,
    password: request.password,
    logins: loginsOf(value),
    algorithms: askedAlgorithms(value),
    family: familyOf(value('addressfamily')),
    localAddress: value('bindaddress')?.text,
    jumps: jumpsOf(value('proxyjump')),
    proxyCommand: proxyCommandOf(value('proxycommand'), tokens, surroundings),
  }
}

function option(keyword: string, value: string | number | undefined): readonly SshOption[] {
  return value === undefined ? [] : [[keyword, String(value)]]
}

function identitiesOf(
  { named, passphrase }: Request,
  options: Options,
  tokens: TokenValues,
  surroundings: Surroundings,
): { readonly identities: readonly Identity[]; readonly isIdentityNamed: boolean } {
  const written = options.get('identityfile') ?? []
  const isNone = (value: OptionValue) => value.text.toLowerCase() === 'none'
  const files = [
    ...named.filter(({ text }) => text === undefined).map(({ file }) => file),
    ...written.filter(value => !isNone(value)).map(v => expandPath(v, tokens, surroundings)),
  ].map(file => expandHome(file, surroundings.home))
  const isIdentityNamed = named.length > 0 || written.length > 0
  const usual = usualIdentities.map(name => join(surroundings.home, '.ssh', name))
  const chosen = isIdentityNamed ? [...new Set(files)] : usual
  return {
    identities: [
      ...named.filter(({ text }) => text !== undefined),
      ...chosen.map(file => ({ file, ...(passphrase === undefined ? {} : { passphrase }) })),
    ],
    isIdentityNamed,
  }
}

function agentOf(
  value: OptionValue | undefined,
  tokens: TokenValues,
  surroundings: Surroundings,
): string | undefined {
  if (value === undefined || value.text === 'SSH_AUTH_SOCK') return surroundings.agentSocket
  if (value.text.toLowerCase() === 'none') return undefined
  const variable = /^\$(\w+)$/.exec(value.text)?.[1]
  if (variable === undefined) return expandPath(value, tokens, surroundings)
  return expandPath(value, tokens, surroundings, `\${${variable}}`)
}

function knownHostsOf(
  { knownHostsFiles }: Request,
  options: Options,
  tokens: TokenValues,
  surroundings: Surroundings,
): readonly string[] {
  const { home } = surroundings
  const filesOf = (keyword: string): readonly string[] | undefined => {
    const value = options.get(keyword)?.[0]
    if (value === undefined) return undefined
    const words = value.words.filter(word => word.toLowerCase() !== 'none')
    return words.map(word => expandPath(value, tokens, surroundings, word))
  }
  const users =
    knownHostsFiles?.map(file => expandHome(file, home)) ??
    filesOf('userknownhostsfile') ??
    usualKnownHosts.map(file => join(home, file))
  return [...users, ...(filesOf('globalknownhostsfile') ?? systemKnownHosts)]
}

function strictnessOf(value: OptionValue | undefined): Strictness {
  if (value === undefined) return 'yes'
  const strictness = parseStrictness(value.text)
  if (strictness !== undefined) return strictness
  throw configFault(value.place, `StrictHostKeyChecking cannot be "${value.text}"`)
}

function numberOf(value: OptionValue | undefined, most: number): number | undefined {
  if (value === undefined) return undefined
  const number = /^\d+$/.test(value.text) ? Number(value.text) : Number.NaN
  if (number >= 1 && number <= most) return number
  throw configFault(value.place, `"${value.text}" is no number from 1 to ${most}`)
}

const secondsOf: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 }

function timeoutOf(value: OptionValue | undefined): number | undefined {
  if (value === undefined || value.text.toLowerCase() === 'none') return undefined
  const [, digits, unit = ''] = /^(\d+)([smh]?)$/i.exec(value.text) ?? []
  const seconds = Number(digits) * (secondsOf[unit.toLowerCase()] ?? 1)
  if (seconds > 0) return seconds * 1000
  throw configFault(value.place, `ConnectTimeout cannot be "${value.text}"`)
}

function isOn(value: OptionValue | undefined): boolean | undefined {
  return value === undefined ? undefined : /^(yes|true|on)$/i.test(value.text)
}

const kinds: readonly LoginKind[] = ['publickey', 'password', 'keyboard-interactive']

function loginsOf(value: (keyword: string) => OptionValue | undefined): readonly LoginKind[] {
  const preferred = value('preferredauthentications')?.text.split(',')
  const ordered =
    preferred === undefined
      ? kinds
      : preferred.flatMap(name => kinds.filter(kind => kind === name.trim()))
  const off = (kind: LoginKind, keyword: string) =>
    isOn(value(keyword)) === false && !/^(unbound|host-bound)$/.test(value(keyword)?.text ?? '')
      ? [kind]
      : []
  const ruledOut = [
    ...off('publickey', 'pubkeyauthentication'),
    ...off('password', 'passwordauthentication'),
    ...off('keyboard-interactive', 'kbdinteractiveauthentication'),
  ]
  return ordered.filter(kind => !ruledOut.includes(kind))
}

function familyOf(value: OptionValue | undefined): 0 | 4 | 6 {
  const text = value?.text.toLowerCase()
  return text === 'inet' ? 4 : text === 'inet6' ? 6 : 0
}

function jumpsOf(value: OptionValue | undefined): readonly JumpHost[] {
  if (value === undefined) return []
  const jumps = parseJumps(value.text)
  if (jumps !== undefined) return jumps
  const hint = 'write [user@]host[:port], several separated by commas'
  throw configFault(value.place, `ProxyJump cannot be "${value.text}"`, hint)
}

function proxyCommandOf(
  value: OptionValue | undefined,
  tokens: TokenValues,
  surroundings: Surroundings,
): string | undefined {
  if (value === undefined || value.text.toLowerCase() === 'none') return undefined
  // What is put into shell text must be a plain word, whoever wrote the inventory.
  const isPlain =
    isHostName(tokens.hostname) && isHostName(tokens.original) && isUserName(tokens.user)
  if (isPlain && !/[\\$]/.test(tokens.user)) return expandTokens(value, tokens, surroundings)
  throw configFault(value.place, 'the host or the user has no name for a ProxyCommand')
}
