import { BkpError } from '../../../base/errors.ts'
import type { Command } from '../../../connection/contract.ts'
import type { ServiceFacts } from '../../../connection/probes.ts'
import type { Change, Decision } from '../../contract.ts'
import { enableCommands, type ServiceAction, stateCommands } from './service-commands.ts'

export interface ServiceArguments {
  readonly name: string
  readonly state?: 'started' | 'stopped' | 'restarted' | 'reloaded'
  readonly enabled?: boolean
  readonly sleep?: number
  readonly use?: 'auto' | 'systemd' | 'openrc' | 'sysvinit'
}

export type ServiceAnswers = { readonly service: ServiceFacts }

export interface ServiceResult {
  readonly name: string
  readonly state?: 'started' | 'stopped'
  readonly enabled?: boolean
  readonly status: Record<string, string>
}

/** @throws step.failed where there is nothing that could be told to start or stop */
function refuseMissing({ name, use }: ServiceArguments, facts: ServiceFacts): void {
  if (facts.manager === undefined) {
    const asked = use === undefined || use === 'auto' ? 'systemd, OpenRC or /etc/init.d' : use
    throw new BkpError('step.failed', `the host has no ${asked}: nothing manages services there`, {
      hint: 'start and stop it with command',
    })
  }
  if (!facts.exists) {
    throw new BkpError('step.failed', `there is no service "${name}" on the host`, {
      hint: `${facts.manager} knows none of that name; see whether it is installed and spelt so`,
    })
  }
  const { LoadState: load } = facts.properties
  if (load === 'bad-setting' || load === 'error') {
    throw new BkpError('step.failed', `systemd cannot load ${name}: ${load}`, {
      hint: `systemctl status ${name} says what is wrong with its unit file`,
    })
  }
}

/** What has to be done for its state; nothing where it is as it should be. */
function actionFor(args: ServiceArguments, facts: ServiceFacts): ServiceAction | undefined {
  const { name, state } = args
  const isUp = facts.active === 'active'
  const isDown = facts.active === 'inactive' || facts.active === 'failed'
  if (state === undefined) return undefined
  if (state === 'restarted') return 'restart'
  if (facts.active === 'unknown') {
    throw new BkpError('step.failed', `it cannot be told whether ${name} runs`, {
      hint: 'its init script has no status action; state: restarted needs none',
    })
  }
  if (state === 'reloaded') return isUp ? 'reload' : 'start'
  if (state === 'started') return isUp ? undefined : 'start'
  return isDown ? undefined : 'stop'
}

/** True where the boot setting has to change. @throws step.failed for what cannot be enabled */
function switchesEnabled({ name, enabled }: ServiceArguments, facts: ServiceFacts): boolean {
  if (enabled === undefined || facts.enabled === 'fixed') return false
  if (facts.enabled === 'masked' && enabled) throw masked(name)
  return enabled !== (facts.enabled === 'enabled')
}

function masked(name: string): BkpError {
  return new BkpError('step.failed', `${name} is masked: it cannot be started or enabled`, {
    hint: `systemctl unmask ${name}`,
  })
}

/** The words of the plan: what becomes of the service. */
const outcomes: Readonly<Record<ServiceAction, string>> = {
  start: 'started',
  stop: 'stopped',
  restart: 'restarted',
  reload: 'reloaded',
}

/** Whether it answers meanwhile; a reload lets go of nobody. */
function availabilityOf(action: ServiceAction): Pick<Change, 'availability'> {
  if (action === 'reload') return {}
  return { availability: ({ start: 'up', stop: 'down', restart: 'restart' } as const)[action] }
}

/** What is registered: the state it has, not the one that was asked for. */
export function serviceResult(args: ServiceArguments, facts: ServiceFacts): ServiceResult {
  const { name, state, enabled } = args
  return {
    name,
    ...(state === undefined ? {} : { state: state === 'stopped' ? 'stopped' : 'started' }),
    ...(enabled === undefined ? {} : { enabled }),
    status: { ...facts.properties },
  }
}

/** Pure. @throws step.failed */
export function planService(
  args: ServiceArguments,
  { service }: ServiceAnswers,
): Decision<ServiceAnswers, ServiceResult> {
  refuseMissing(args, service)
  const switches = switchesEnabled(args, service)
  const action = actionFor(args, service)
  if (service.enabled === 'masked' && action !== undefined && action !== 'stop') {
    throw masked(args.name)
  }
  const commands: readonly Command[] = [
    ...(switches ? enableCommands(args, service) : []),
    ...(action === undefined ? [] : stateCommands(args, service, action)),
  ]
  if (commands.length === 0) {
    const fixed = args.enabled !== undefined && service.enabled === 'fixed'
    const message = 'it can be neither enabled nor disabled: other units start it'
    const result = serviceResult(args, service)
    return { kind: 'unchanged', result, ...(fixed ? { message } : {}) }
  }
  const enabled = args.enabled === true ? 'enabled' : 'disabled'
  const notes = [
    ...(switches ? [`${service.enabled} -> ${enabled}`] : []),
    ...(action === undefined ? [] : [`${service.active} -> ${outcomes[action]}`]),
  ]
  const after: ServiceFacts = {
    ...service,
    ...(switches ? { enabled } : {}),
    ...(action === undefined ? {} : { active: action === 'stop' ? 'inactive' : 'active' }),
  }
  const { status: _later, ...known } = serviceResult(args, after)
  return {
    kind: 'change',
    changes: [
      {
        action: 'update',
        target: `service ${args.name}`,
        commands,
        notes,
        ...(action === undefined ? {} : availabilityOf(action)),
      },
    ],
    after: { service: after },
    result: known,
  }
}
