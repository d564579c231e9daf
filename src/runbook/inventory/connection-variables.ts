import { BkpError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { isHostName } from './names.ts'
import { parseSshArguments } from './ssh-arguments.ts'

/** What is wrong with the value of a connection variable. */
export interface ConnectionFault {
  readonly message: string
  readonly hint: string
}

const transports: readonly string[] = ['ssh', 'local', 'smart', 'paramiko', 'paramiko_ssh']

function checkHost(value: unknown): ConnectionFault | undefined {
  if (typeof value === 'string' && isHostName(value)) return undefined
  return { message: `cannot be "${String(value)}"`, hint: 'write a name or an address' }
}

function checkUser(value: unknown): ConnectionFault | undefined {
  const isName = /^[\p{L}\p{N}_.\\][\p{L}\p{N}_.@$\\-]*$/u.test(String(value))
  return isName
    ? undefined
    : { message: `cannot be "${String(value)}"`, hint: 'write the name of a user' }
}

function checkBecomeMethod(value: unknown): ConnectionFault | undefined {
  if (value === 'sudo') return undefined
  return { message: `cannot be "${String(value)}"`, hint: 'bkp becomes other users by sudo alone' }
}

function checkPort(value: unknown): ConnectionFault | undefined {
  const text = String(value)
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return undefined
  return { message: `cannot be "${text}"`, hint: 'write a number from 1 to 65535' }
}

function checkTransport(value: unknown): ConnectionFault | undefined {
  if (transports.includes(String(value))) return undefined
  return { message: `cannot be "${String(value)}"`, hint: 'write ssh or local' }
}

function checkTimeout(value: unknown): ConnectionFault | undefined {
  const isSeconds = /^\d+(\.\d+)?$/.test(String(value)) && Number(value) > 0
  return isSeconds ? undefined : { message: 'must be above 0', hint: 'write a number of seconds' }
}

function checkArguments(value: unknown): ConnectionFault | undefined {
  try {
    parseSshArguments(String(value))
    return undefined
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    return { message: error.message, hint: error.hint ?? '' }
  }
}

const checks: Readonly<Record<string, (value: unknown) => ConnectionFault | undefined>> = {
  ansible_host: checkHost,
  ansible_ssh_host: checkHost,
  ansible_user: checkUser,
  ansible_ssh_user: checkUser,
  ansible_become_user: checkUser,
  ansible_become_method: checkBecomeMethod,
  ansible_port: checkPort,
  ansible_ssh_port: checkPort,
  ansible_connection: checkTransport,
  ansible_ssh_timeout: checkTimeout,
  ansible_timeout: checkTimeout,
  ansible_ssh_args: checkArguments,
  ansible_ssh_common_args: checkArguments,
  ansible_ssh_extra_args: checkArguments,
}

/** Says of a variable that it is about how to connect; none of these is a secret. */
export function isConnectionVariable(name: string): boolean {
  return Object.hasOwn(checks, name)
}

/** What is wrong with a connection variable; nothing for others, for empty and for `{{ }}` values. */
export function checkConnection(name: string, value: unknown): ConnectionFault | undefined {
  // It is looked at once it is used.
  if (value instanceof Secret) return undefined
  const empty = value === null || value === undefined || value === ''
  if (empty || (typeof value === 'string' && value.includes('{{'))) return undefined
  return Object.hasOwn(checks, name) ? checks[name]?.(value) : undefined
}

/** How an option that is not honoured is told of. */
export function ignoredText(option: string): string {
  return `the ssh option "${option}" is not honoured`
}

/** Options of ssh that a variable holds and that are not honoured. */
export function ignoredOptions(name: string, value: unknown): readonly string[] {
  if (!/^ansible_ssh_(common_|extra_)?args$/.test(name) || typeof value !== 'string') return []
  if (value.includes('{{')) return []
  try {
    return parseSshArguments(value).ignored
  } catch {
    // checkConnection tells of it.
    return []
  }
}
