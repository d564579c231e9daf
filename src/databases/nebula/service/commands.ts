import { BkpError } from '../../../base/errors.ts'
import type { Command } from '../../../connection/contract.ts'
import type { Instance } from '../instances.ts'
import type { NebulaSettings } from '../settings.ts'
import { daemonName } from './daemons.ts'

export type ServiceAction = 'start' | 'stop'

/** The vendor's script, below install_dir. */
export const serviceScript = 'scripts/nebula.service'

/**
 * What starts or stops a service: `cd ROOT && scripts/nebula.service -c conf stop storaged`, its unit,
 * or the user's own line (specs/nebula.md §2.3). @throws schema.invalid where that line is missing
 */
export function serviceCommand(
  instance: Instance,
  settings: NebulaSettings,
  action: ServiceAction,
): Command {
  const { role, conf, installDir } = instance
  switch (settings.service_manager ?? 'script') {
    case 'script':
      return { argv: [serviceScript, '-c', conf, action, role], cwd: installDir }
    case 'systemd':
      return { argv: ['systemctl', action, '--', unitName(instance, settings)] }
    case 'command': {
      const line = settings.service_commands?.[action]
      if (line === undefined) {
        throw new BkpError(
          'schema.invalid',
          `service_manager is command, and service_commands says nothing of ${action}`,
          { hint: 'write service_commands: { start: ..., stop: ... } at the cluster' },
        )
      }
      return { argv: ['/bin/sh', '-c', filled(line, instance)] }
    }
  }
}

/** What the vendor's script says of a service; undefined where another manages it. */
export function statusCommand(instance: Instance, settings: NebulaSettings): Command | undefined {
  if ((settings.service_manager ?? 'script') !== 'script') return undefined
  const { role, conf, installDir } = instance
  return { argv: [serviceScript, '-c', conf, 'status', role], cwd: installDir }
}

/** The systemd unit of a service; `{role}` and `{port}` stand for its own. */
export function unitName({ role, address }: Instance, { units }: NebulaSettings): string {
  const name = units?.[role] ?? daemonName(role)
  return name.replaceAll('{role}', role).replaceAll('{port}', String(address.port))
}

function filled(line: string, { role, conf, installDir, address }: Instance): string {
  const values: Readonly<Record<string, string>> = {
    service: role,
    role,
    conf,
    root: installDir,
    port: String(address.port),
  }
  return line.replaceAll(/\{(service|role|conf|root|port)\}/g, (_, name: string) =>
    shellWord(values[name] ?? ''),
  )
}

/** A word of a shell line. */
function shellWord(value: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`
}
