import { BkpError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import type { HostAddress, Reach, SshOption } from '../../connection/contract.ts'
import type { Scope, Variables } from '../../expression/contract.ts'
import { createScope, literal } from '../../expression/scope.ts'
import type { AddressOf, Inventory, InventoryHost } from '../contract.ts'
import { checkConnection, ignoredText } from './connection-variables.ts'
import { isHostName } from './names.ts'
import { expandHome } from './secrets.ts'
import { parseSshArguments, type SshArguments } from './ssh-arguments.ts'

/** What finding addresses needs besides the inventory. */
export interface AddressOptions {
  /** `-e`: connection variables may be given there, too. */
  readonly extraVars?: Variables
  /** For `~`. */
  readonly environment: (name: string) => string | undefined
  /** Told once of each ssh option that is not honoured. */
  readonly warn?: (message: string) => void
}

/** A host of the inventory, or the implicit localhost. */
export function hostOf(inventory: Inventory, name: string): InventoryHost | undefined {
  return inventory.hosts.get(name) ?? inventory.implicit?.get(name)
}

/** Also a name that stands for an address: steps may be delegated to what no inventory lists. */
function delegateOf(inventory: Inventory, name: string): InventoryHost | undefined {
  const known = hostOf(inventory, name)
  return known ?? (isHostName(name) ? inventory.implicitHost?.(name) : undefined)
}

/** Reads connection variables by Ansible's names; each is rendered only when it is needed. */
export function createAddressOf(options: AddressOptions): AddressOf {
  const warned = new Set<string>()
  return (inventory, name, reach = {}) => {
    const host = delegateOf(inventory, name)
    if (host === undefined) {
      throw new BkpError('inventory.invalid', `the inventory has no host "${name}"`, {
        hint: 'name one of its hosts, or write a name or an address',
      })
    }
    const read = createReader(name, scopeOf(inventory, host, options.extraVars))
    const transport = read.text('ansible_connection') ?? reach.transport ?? 'ssh'
    const args = sshArguments(read)
    for (const option of args.ignored) {
      const message = `ansible_ssh_common_args: the option "${option}" is not honoured`
      // What stands in a file as it is was told of when the file was read.
      const isTold = inventory.warnings.some(each => each.endsWith(ignoredText(option)))
      if (warned.has(message) || isTold) continue
      warned.add(message)
      options.warn?.(message)
    }
    return toAddress(name, transport === 'local' ? 'local' : 'ssh', read, args, {
      ...options,
      reach,
    })
  }
}

function toAddress(
  name: string,
  transport: 'ssh' | 'local',
  read: Reader,
  args: SshArguments,
  options: AddressOptions & { readonly reach: Reach },
): HostAddress {
  const expand = (path: string) => expandHome(path, { environment: options.environment })
  const hostname = read.text('ansible_host', 'ansible_ssh_host') ?? name
  const user = read.text('ansible_user', 'ansible_ssh_user') ?? options.reach.user
  const port = read.number('ansible_port', 'ansible_ssh_port') ?? options.reach.port
  const key = read.text('ansible_ssh_private_key_file', 'ansible_private_key_file')
  const timeout =
    read.number('ansible_ssh_timeout', 'ansible_timeout') ?? args.connectTimeoutSeconds
  const checking = read.boolean('ansible_ssh_host_key_checking', 'ansible_host_key_checking')
  const strict = args.strictHostKeyChecking ?? (checking === false ? 'no' : undefined)
  const retries = read.number('ansible_ssh_retries')
  // As ssh's options do: what is said first counts, and -o comes after the variables.
  const sshOptions: readonly SshOption[] = [
    ...(retries === undefined ? [] : [['connectionattempts', String(retries + 1)] as const]),
    ...args.options,
  ]
  return Object.freeze({
    name,
    transport,
    hostname,
    ...given('port', port),
    ...given('user', user),
    ...given('privateKeyFile', key === undefined ? undefined : expand(key)),
    ...given('privateKey', read.secret('ansible_ssh_private_key', 'ansible_private_key')),
    ...given(
      'privateKeyPassphrase',
      read.secret('ansible_ssh_private_key_passphrase', 'ansible_private_key_passphrase'),
    ),
    ...given(
      'password',
      read.secret('ansible_password', 'ansible_ssh_password', 'ansible_ssh_pass'),
    ),
    ...given('strictHostKeyChecking', strict),
    ...given('knownHostsFiles', args.knownHostsFiles?.map(expand)),
    ...given('connectTimeoutMs', timeout === undefined ? undefined : timeout * 1000),
    ...given('jump', args.jump),
    ...given('sshConfigFile', args.configFile),
    ...given('sshOptions', sshOptions.length === 0 ? undefined : sshOptions),
  })
}

/** What was not given is not there: the transport looks into ssh's own files for it. */
function given<K extends keyof HostAddress>(
  key: K,
  value: HostAddress[K] | undefined,
): Partial<Pick<HostAddress, K>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Pick<HostAddress, K>>)
}

/** In Ansible's order, where ansible_ssh_extra_args comes last; the first of a kind counts. */
function sshArguments(read: Reader): SshArguments {
  const text = ['ansible_ssh_args', 'ansible_ssh_common_args', 'ansible_ssh_extra_args']
    .flatMap(variable => read.text(variable) ?? [])
    .join(' ')
  return parseSshArguments(text)
}

function scopeOf(
  inventory: Inventory,
  host: InventoryHost,
  extraVars: Variables | undefined,
): Scope {
  const magic: Variables = new Map([
    ['inventory_hostname', literal(host.name)],
    ['inventory_hostname_short', literal(host.name.split('.')[0] ?? host.name)],
    ['group_names', literal(host.groups)],
    ['groups', literal(Object.fromEntries(inventory.groups))],
  ])
  return createScope([...host.variables, ...(extraVars === undefined ? [] : [extraVars]), magic])
}

interface Reader {
  /** The first of these variables that is set, as text. */
  text(...names: string[]): string | undefined
  number(...names: string[]): number | undefined
  boolean(...names: string[]): boolean | undefined
  secret(...names: string[]): Secret | undefined
  invalid(variable: string, message: string, hint: string): BkpError
}

function createReader(host: string, scope: Scope): Reader {
  const invalid = (variable: string, message: string, hint: string) =>
    new BkpError('inventory.invalid', `${variable} of "${host}" ${message}`, { hint })
  const first = (names: readonly string[]): readonly [string, unknown] | undefined => {
    const name = names.find(candidate => scope.has(candidate))
    if (name === undefined) return undefined
    const given = scope.get(name)
    // From a vault: an address or a user is used as text, and printed as dots.
    const value = given instanceof Secret ? given.reveal() : given
    const fault = checkConnection(name, value)
    if (fault !== undefined) throw invalid(name, fault.message, fault.hint)
    return value === null || value === '' ? undefined : [name, value]
  }
  const number = (...names: string[]): number | undefined => {
    const found = first(names)
    if (found === undefined) return undefined
    const [name, value] = found
    const isNumeric = typeof value === 'number' || /^\d+(\.\d+)?$/.test(String(value))
    if (!isNumeric) throw invalid(name, 'must be a number', 'write digits only')
    return Number(value)
  }
  return {
    text: (...names) => {
      const found = first(names)
      if (found === undefined) return undefined
      const [name, value] = found
      if (typeof value === 'string') return value
      if (typeof value === 'number') return String(value)
      throw invalid(name, 'must be text', 'write a name or a path')
    },
    number,
    boolean: (...names) => {
      const value = first(names)?.[1]
      if (typeof value === 'string') return !/^(no|false|off|0)$/i.test(value)
      return typeof value === 'boolean' ? value : undefined
    },
    secret: (...names) => {
      const found = first(names)
      if (found === undefined) return undefined
      const [name, value] = found
      if (typeof value === 'string') return new Secret(value)
      throw invalid(name, 'must be text', 'name the secret as { env: NAME } or { file: PATH }')
    },
    invalid,
  }
}
