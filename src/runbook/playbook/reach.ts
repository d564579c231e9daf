import type { Tree } from '../../expression/contract.ts'
import type { Task } from '../contract.ts'
import { checkConnection } from '../inventory/connection-variables.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'
import { given } from './given.ts'
import { numberAt } from './numbers.ts'

/** The variable of the inventory that a keyword stands for. */
const variables = {
  connection: 'ansible_connection',
  port: 'ansible_port',
  remote_user: 'ansible_user',
} as const

function partAt(
  context: PlaybookContext,
  entry: Entry,
  key: keyof typeof variables,
): Tree | undefined {
  const wrong = checkConnection(variables[key], entry.value[key])
  if (wrong !== undefined && ['string', 'number'].includes(typeof entry.value[key])) {
    fault(context, `"${key}" ${wrong.message}`, [...entry.path, key], { hint: wrong.hint })
    return undefined
  }
  return numberAt(context, entry, key)
}

/** `connection`, `port` and `remote_user`, each inherited by itself. Undefined where none is given. */
export function reachAt(
  context: PlaybookContext,
  entry: Entry,
  inherited: Task['reach'],
): Task['reach'] {
  const reach = given({
    connection: partAt(context, entry, 'connection') ?? inherited?.connection,
    port: partAt(context, entry, 'port') ?? inherited?.port,
    user: partAt(context, entry, 'remote_user') ?? inherited?.user,
  })
  return Object.keys(reach).length === 0 ? undefined : reach
}
