import { BkpError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Become, Manner, Reach, Word } from '../connection/contract.ts'
import { omit } from '../engine/variables.ts'
import { scalarText } from '../expression/scalar-text.ts'
import { hasUnknown, Unknown } from '../expression/unknown.ts'
import { checkConnection } from '../runbook/inventory/connection-variables.ts'
import type { PerformRequest } from './driver.ts'

/** What of a request says where and how its commands run. */
export type HowToWork = Pick<PerformRequest, 'become' | 'environment' | 'reach'>

/** The host on which a step works: the one it is for, unless it is delegated. */
export function workedOn({ ref, delegate }: Pick<PerformRequest, 'ref' | 'delegate'>): string {
  return delegate ?? ref.host
}

/** All hosts on which a step works; what stands on any of them may be changed by it. */
export function hostsWorkedOn(
  request: Pick<PerformRequest, 'ref' | 'delegate' | 'scope'>,
): readonly string[] {
  const { ref, scope } = request
  return scope === 'cluster' ? (ref.hosts ?? [ref.host]) : [workedOn(request)]
}

/**
 * How a step's commands run on a host. In a plan, variables that are not known yet are left out.
 * @throws expression.failed, command.invalid
 */
export function mannerOn(request: HowToWork, host: string): Manner {
  const become = becomeOn(request, host)
  const environment = environmentOf(request)
  const reach = reachOf(request)
  return Object.freeze({
    ...(become === undefined ? {} : { become }),
    ...(environment === undefined ? {} : { environment }),
    ...(reach === undefined ? {} : { reach }),
  })
}

/** In a plan, how and as whom a step reaches its hosts may be known only after apply. */
export function reachesUnknown({ become, reach }: HowToWork): boolean {
  return [...(become?.values() ?? [])].some(each => each instanceof Unknown) || hasUnknown(reach)
}

/** In a plan, what its commands see may be known only after apply. */
export function seesUnknown({ environment }: HowToWork): boolean {
  return hasUnknown(environment)
}

function becomeOn({ become }: HowToWork, host: string): Become | undefined {
  const found = become?.get(host)
  if (!(found instanceof Unknown)) return found
  throw new BkpError('expression.failed', `whom to become on ${host} is not known yet`, {
    hint: 'see become and become_user, and the variables ansible_become...',
  })
}

function environmentOf({ environment }: HowToWork): Manner['environment'] {
  if (environment === undefined) return undefined
  const words = Object.entries(environment).flatMap(([name, value]): [string, Word][] => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new BkpError('command.invalid', `"${name}" is no name of an environment variable`, {
        hint: 'see environment: letters, digits and _, and no digit first',
      })
    }
    if (value === omit || value instanceof Unknown) return []
    return [[name, value instanceof Secret ? value : textOf(name, value)]]
  })
  return Object.fromEntries(words)
}

function textOf(name: string, value: unknown): string {
  const text = scalarText(value)
  if (text !== undefined && !text.includes('\0')) return text
  const what = value === null ? 'null' : text === undefined ? 'a list or a map' : 'text with a NUL'
  throw new BkpError('expression.failed', `the environment variable ${name} cannot be ${what}`, {
    hint: 'write text, a number, true or false; json(x) makes text of a list or a map',
  })
}

function reachOf({ reach }: HowToWork): Reach | undefined {
  if (reach === undefined) return undefined
  const transport = given('connection', 'ansible_connection', reach.connection)
  const port = given('port', 'ansible_port', reach.port)
  const user = given('remote_user', 'ansible_user', reach.user)
  return Object.freeze({
    ...(transport === undefined ? {} : { transport: transport === 'local' ? 'local' : 'ssh' }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
  })
}

/** A keyword's value, held to what the variable of the inventory may be. */
function given(keyword: string, variable: string, value: unknown): string | undefined {
  const plain = value instanceof Secret ? value.reveal() : value
  if (plain === undefined || plain === null || plain === '' || plain === omit) return undefined
  const text = scalarText(plain)
  const fault = checkConnection(variable, text ?? plain)
  if (text !== undefined && fault === undefined) return text
  throw new BkpError('expression.failed', `${keyword} ${fault?.message ?? 'must be text'}`, {
    hint: fault?.hint ?? 'write a name or a number',
  })
}
