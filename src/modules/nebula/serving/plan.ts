import { BkpError } from '../../../base/errors.ts'
import { addressText } from '../../../databases/nebula/contract.ts'
import { serviceCommand } from '../../../databases/nebula/service/commands.ts'
import {
  daemonName,
  type Observed,
  stateOf,
  strays,
} from '../../../databases/nebula/service/daemons.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'
import type { Change, Decision } from '../../contract.ts'
import type { ServiceArguments } from './request.ts'
import { pidText, serviceText } from './work.ts'

/** What a step sees. */
export interface ServiceFacts {
  readonly settings: NebulaSettings
  /** The services that it is about. */
  readonly services: readonly Observed[]
  /** What keeps it from managing them; nothing where there is nothing to do. */
  readonly unmanageable: readonly string[]
}

/** One service in a result. */
export interface ServiceRow {
  readonly address: string
  readonly role: string
  readonly host: string
  readonly changed: boolean
  readonly seconds: number
}

export interface ServiceResult {
  readonly cluster: string
  readonly state: 'started' | 'stopped'
  readonly services: ServiceRow[]
  readonly seconds: number
}

/** Whether a service is as the step wants it, as far as looking tells. */
export function isAsWanted(
  one: Observed,
  { state }: Pick<ServiceArguments, 'state'>,
  { service_manager: manager }: NebulaSettings,
): boolean {
  const now = stateOf(one)
  if (state === 'stopped') return now === 'stopped'
  return now === 'running' || (now === 'unseen' && manager === 'command')
}

/** Pure. @throws nebula.not_ready where a service cannot be told or managed, schema.invalid */
export function planService(
  args: ServiceArguments,
  facts: ServiceFacts,
): Decision<ServiceFacts, ServiceResult> {
  const { settings, services } = facts
  const { cluster, state } = args
  const pending = services.filter(one => !isAsWanted(one, args, settings))
  const [first, ...others] = pending.map(one => describe(one, args, settings))
  if (first === undefined) {
    const rows = services.map(one => rowOf(one, false, 0))
    return {
      kind: 'unchanged',
      result: { cluster, state, services: rows, seconds: 0 },
      message: services.length === 0 ? 'there is no such service' : `all of them are ${state}`,
      // A restore stops and starts them: its plan sees them run both times.
      otherwise: services.map(one => describe(one, args, settings)),
    }
  }
  requireManageable(pending, facts)
  return {
    kind: 'change',
    changes: [first, ...others],
    after: {},
    result: { cluster, state },
    binding: { state, services: pending.map(({ instance }) => addressText(instance.address)) },
  }
}

export function rowOf({ instance }: Observed, changed: boolean, milliseconds: number): ServiceRow {
  const { address, role, hostName } = instance
  return {
    address: addressText(address),
    role,
    host: hostName,
    changed,
    seconds: Math.round(milliseconds / 100) / 10,
  }
}

function describe(one: Observed, { state }: ServiceArguments, settings: NebulaSettings): Change {
  const { instance, processes, written } = one
  const command = serviceCommand(instance, settings, state === 'started' ? 'start' : 'stop')
  const stray = strays(one).length > 0
  const isScript = (settings.service_manager ?? 'script') === 'script'
  return {
    action: 'run',
    target: `${daemonName(instance.role)} ${addressText(instance.address)}`,
    host: instance.hostName,
    commands: [command],
    availability: state === 'started' ? 'up' : 'down',
    notes: [
      stateNote(one),
      ...(isScript && stray && state === 'stopped'
        ? [
            `its pid file says ${written === '' ? 'nothing' : written}, so that the script does not find it: it gets SIGTERM`,
          ]
        : []),
      ...(processes.length > 1 ? ['it has several processes'] : []),
    ],
  }
}

function stateNote(one: Observed): string {
  switch (stateOf(one)) {
    case 'running':
      return `it runs as ${pidText(one)}`
    case 'starting':
      return `it runs as ${pidText(one)}, and its port is closed`
    case 'closing':
      return `no process is seen, and ${one.locks.join(', ')} is locked`
    case 'unseen':
      return `port ${one.instance.dial.port} is open, and no process is seen`
    case 'stopped':
      return 'it does not run'
  }
}

function requireManageable(pending: readonly Observed[], facts: ServiceFacts): void {
  const { settings, unmanageable } = facts
  const manager = settings.service_manager ?? 'script'
  if (unmanageable.length > 0) {
    throw new BkpError('nebula.not_ready', unmanageable.join('; '), {
      hint:
        manager === 'script'
          ? 'set service_manager of the cluster to systemd, or to command with service_commands (a container, a standalone build), or correct install_dir'
          : 'name the units under units of the cluster, or set service_manager to script or command',
    })
  }
  const [hidden] = pending.filter(one => stateOf(one) === 'unseen')
  if (hidden !== undefined && manager !== 'command') {
    const { dial, conf } = hidden.instance
    throw new BkpError(
      'nebula.not_ready',
      `${serviceText(hidden.instance)}: port ${dial.port} is open, but no process has --flagfile=${conf}`,
      {
        hint: 'another program has that port, or processes of other users are hidden (become: true), or it runs in a container (service_manager: command)',
      },
    )
  }
}
