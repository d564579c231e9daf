import { BkpError } from '../../../base/errors.ts'
import type { Command } from '../../../connection/contract.ts'
import type { ServiceFacts } from '../../../connection/probes.ts'
import type { ServiceArguments } from './plan-service.ts'

export type ServiceAction = 'start' | 'stop' | 'restart' | 'reload'

/** The path where the probe found it; its name where the plan was made elsewhere. */
function program(facts: ServiceFacts, name: string): string {
  return facts.programs[name] ?? name
}

function actionCommand(name: string, facts: ServiceFacts, action: ServiceAction): Command {
  if (facts.manager === 'systemd') {
    // A question for a password would wait for ever: nobody is there.
    const words = [program(facts, 'systemctl'), '--no-ask-password', action, '--', name]
    return { argv: words }
  }
  if (facts.manager === 'openrc') {
    return fromScript(facts, [program(facts, 'rc-service'), name, action])
  }
  // `service` starts it without our environment, as at boot.
  const starter = facts.programs['service']
  return starter === undefined
    ? fromScript(facts, [`/etc/init.d/${name}`, action])
    : fromScript(facts, [starter, name, action])
}

/** Scripts call programs of /sbin, which is on the path of few logins. */
function fromScript({ searchPath }: ServiceFacts, argv: readonly string[]): Command {
  return { argv, env: { PATH: searchPath } }
}

/** What brings the service into its state. */
export function stateCommands(
  { name, sleep }: ServiceArguments,
  facts: ServiceFacts,
  action: ServiceAction,
): readonly Command[] {
  // systemd waits by itself until what it stopped is gone.
  if (action !== 'restart' || sleep === undefined || facts.manager === 'systemd') {
    return [actionCommand(name, facts, action)]
  }
  return [
    actionCommand(name, facts, 'stop'),
    { argv: ['sleep', String(sleep)] },
    actionCommand(name, facts, 'start'),
  ]
}

/** What makes the service start at boot, or not. @throws step.failed where nothing can */
export function enableCommands(
  { name, enabled }: ServiceArguments,
  facts: ServiceFacts,
): readonly Command[] {
  const on = enabled === true
  const { programs } = facts
  if (facts.manager === 'systemd') {
    const verb = on ? 'enable' : 'disable'
    return [{ argv: [program(facts, 'systemctl'), '--no-ask-password', verb, '--', name] }]
  }
  if (facts.manager === 'openrc') {
    const updater = program(facts, 'rc-update')
    const words = on ? [updater, 'add', name, 'default'] : [updater, '--all', 'delete', name]
    return [fromScript(facts, words)]
  }
  const updater = programs['update-rc.d']
  if (updater !== undefined) {
    // Links are made by the first, and switched by the second.
    const links = [updater, name, 'defaults']
    const lists = on ? [links, [updater, name, 'enable']] : [[updater, name, 'disable']]
    return lists.map(words => fromScript(facts, words))
  }
  const chkconfig = programs['chkconfig']
  if (chkconfig !== undefined) {
    const lists = on
      ? [
          [chkconfig, '--add', name],
          [chkconfig, name, 'on'],
        ]
      : [[chkconfig, name, 'off']]
    return lists.map(words => fromScript(facts, words))
  }
  throw new BkpError('step.failed', `nothing on the host can enable or disable ${name}`, {
    hint: 'it has neither update-rc.d nor chkconfig: make the links of /etc/rc?.d with file',
  })
}
