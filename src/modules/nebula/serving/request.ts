import { BkpError } from '../../../base/errors.ts'
import { addressText } from '../../../databases/nebula/contract.ts'
import { type Instance, type NebulaRole, nebulaRoles } from '../../../databases/nebula/instances.ts'

/** What a step asks for. */
export interface ServiceArguments {
  readonly cluster: string
  readonly role: NebulaRole | 'all'
  readonly state: 'started' | 'stopped'
  readonly hosts?: readonly string[]
  readonly instances?: readonly string[]
  readonly timeout?: string
  readonly kill_after?: string
}

/** Whoever needs another goes down first and comes up last (specs/nebula.md §3.4). */
const startOrder: readonly NebulaRole[] = ['metad', 'storaged', 'graphd']

/** The roles of a step, in the order in which they are dealt with. */
export function rolesInOrder({ role, state }: ServiceArguments): readonly NebulaRole[] {
  const order = state === 'started' ? startOrder : startOrder.toReversed()
  return role === 'all' ? order : order.filter(each => each === role)
}

/** Whether the step is about that service. */
export function isMeant(instance: Instance, args: ServiceArguments): boolean {
  const { role, hosts, instances } = args
  return (
    (role === 'all' || instance.role === role) &&
    (hosts === undefined || hosts.includes(instance.hostName)) &&
    (instances === undefined || instances.includes(addressText(instance.address)))
  )
}

/** Refuses names that no service has: a typing error would stop nothing, and say so to nobody. @throws schema.invalid */
export function requireKnown(all: readonly Instance[], args: ServiceArguments): void {
  const roles = args.role === 'all' ? nebulaRoles : [args.role]
  const known = all.filter(({ role }) => roles.includes(role))
  const refuse = (what: string, name: string, names: readonly string[]): never => {
    throw new BkpError('schema.invalid', `no ${args.role} of the cluster ${what} ${name}`, {
      hint: `it has: ${[...new Set(names)].join(', ') || 'none'}`,
    })
  }
  const hosts = known.map(({ hostName }) => hostName)
  for (const name of args.hosts ?? []) if (!hosts.includes(name)) refuse('is on host', name, hosts)
  const addresses = known.map(({ address }) => addressText(address))
  for (const name of args.instances ?? []) {
    if (!addresses.includes(name)) refuse('has the address', name, addresses)
  }
}
