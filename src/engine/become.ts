import { BkpError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Become } from '../connection/contract.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import { evaluateAll } from './conditions.ts'

/** Ansible's names for what sudo asks for, the usual one first. */
const passwordVariables = ['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass']

/**
 * Whom a task's commands run as on a host, or undefined for the user who logs in. As in Ansible, the
 * variables of the host beat the keywords. In a plan it may be Unknown. @throws expression.*
 */
export function becomeOf(
  task: Pick<Task, 'become' | 'becomeUser'>,
  scope: Scope,
): Become | Unknown | undefined {
  const wanted = isWanted(task, scope)
  if (wanted instanceof Unknown) return wanted
  if (!wanted) return undefined
  const given = variableOf(scope, 'ansible_become_user')
  const user =
    given ?? (task.becomeUser === undefined ? 'root' : renderTree(task.becomeUser, scope))
  if (user instanceof Unknown) return user
  const password = passwordOf(scope)
  if (password instanceof Unknown) return password
  return Object.freeze({
    user: userName(user),
    ...(password === undefined ? {} : { password }),
  })
}

function isWanted({ become }: Pick<Task, 'become'>, scope: Scope): boolean | Unknown {
  const given = variableOf(scope, 'ansible_become')
  if (given instanceof Unknown || typeof given === 'boolean') return given
  if (given !== undefined) {
    // What -e gives is text.
    if (/^(yes|true|on|1)$/i.test(String(given))) return true
    if (/^(no|false|off|0)$/i.test(String(given))) return false
    throw new BkpError('expression.failed', `ansible_become cannot be "${String(given)}"`, {
      hint: 'write true or false',
    })
  }
  if (become === undefined) return false
  const verdict = evaluateAll([become], scope)
  if (verdict.kind === 'error') throw verdict.error
  return verdict.value
}

/** A variable that is set to something; what is null or empty is not. */
function variableOf(scope: Scope, name: string): unknown {
  if (!scope.has(name)) return undefined
  const value = scope.get(name)
  return value === null || value === '' ? undefined : value
}

function userName(value: unknown): string {
  const name = value instanceof Secret ? value.reveal() : value
  const text = typeof name === 'string' || typeof name === 'number' ? String(name).trim() : ''
  // The same as of ansible_user; sudo takes a number as #1000.
  if (/^(?:#\d+|[\p{L}\p{N}_.\\][\p{L}\p{N}_.@$\\-]*)$/u.test(text)) return text
  throw new BkpError('expression.failed', `become_user cannot be "${text}"`, {
    hint: 'write the name of a user',
  })
}

function passwordOf(scope: Scope): Secret | Unknown | undefined {
  const name = passwordVariables.find(candidate => variableOf(scope, candidate) !== undefined)
  if (name === undefined) return undefined
  const value = variableOf(scope, name)
  if (value instanceof Secret || value instanceof Unknown) return value
  if (typeof value === 'string' || typeof value === 'number') return new Secret(String(value))
  throw new BkpError('expression.failed', `${name} must be text`, {
    hint: 'name the secret as { env: NAME } or { file: PATH }',
  })
}
