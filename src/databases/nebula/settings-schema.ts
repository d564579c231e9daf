import { secretReference } from '../../base/secret-reference.ts'
import { type NebulaRole, nebulaRoles } from './instances.ts'

type Schema = Readonly<Record<string, unknown>>

const address = (description: string): Schema => ({
  type: 'string',
  pattern: '^\\S+:\\d{1,5}$',
  description,
})
const path = (description: string): Schema => ({
  type: 'string',
  pattern: '^[^\\u0000-\\u001f]+$',
  description,
})
const absolutePath = (description: string): Schema => ({
  type: 'string',
  pattern: '^/[^\\u0000-\\u001f]*$',
  description,
})
const port = (description: string): Schema => ({
  type: 'integer',
  minimum: 1,
  maximum: 65_535,
  description,
})
const command = (what: string): Schema => ({
  type: 'string',
  minLength: 1,
  description: `A shell line that ${what}; {service}, {conf} and {root} stand for its own.`,
})

const instance: Schema = {
  type: 'object',
  properties: {
    address: {
      type: 'string',
      pattern: '^\\S+$',
      description: 'As the cluster knows it: host, or host:port.',
    },
    dial: address('Where it is reached from the host it runs on: host:port.'),
    conf: path('Its configuration file, absolute or below install_dir.'),
    install_dir: absolutePath('Where bin, etc and scripts of this service are.'),
    data_dirs: {
      type: 'array',
      items: absolutePath('A folder as the host sees it.'),
      minItems: 1,
      description: 'Its data_path, each as the host sees it; instead of the configuration file.',
    },
    wal_dir: absolutePath('Its wal_path as the host sees it.'),
    http: address('Where its HTTP port is reached from its host: host:port.'),
    pid_file: path('Its pid file, absolute or below install_dir.'),
  },
  additionalProperties: false,
}

/** One setting of each role. */
function byRole(of: (role: NebulaRole) => Schema): Schema {
  return Object.fromEntries(nebulaRoles.map(role => [role, of(role)]))
}

/** JSON Schema of `NebulaSettings`. */
export const settingsSchema: Schema = Object.freeze({
  type: 'object',
  properties: {
    version: {
      type: 'string',
      pattern: '^v?[23]\\.\\d+(\\.\\d+)?$',
      description: 'As 3.8.0; asked of the cluster without it. Needed where no service answers.',
    },
    install_dir: absolutePath(
      'Where bin, etc and scripts are on the hosts; /usr/local/nebula without it.',
    ),
    ports: {
      type: 'object',
      properties: {
        ...byRole(role => port(`Thrift port of ${role}, instead of --port.`)),
        metad_http: port('HTTP port of metad, instead of --ws_http_port.'),
        storaged_http: port('HTTP port of storaged, instead of --ws_http_port.'),
        graphd_http: port('HTTP port of graphd, instead of --ws_http_port.'),
      },
      additionalProperties: false,
      description: 'Ports of services, where the configuration files do not say them.',
    },
    instances: {
      type: 'object',
      properties: byRole(role => ({
        type: 'object',
        additionalProperties: { type: 'array', items: instance, minItems: 1 },
        minProperties: 1,
        'x-bkp': 'by_host',
        description: `By host pattern: every ${role} of the host, where it has several or differs.`,
      })),
      additionalProperties: false,
      description: 'Services that are not as the rest, by role and host pattern.',
    },
    address_map: {
      type: 'object',
      additionalProperties: address('host:port'),
      description: 'Addresses as services name each other, and where hosts reach them: host:port.',
    },
    path_map: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: absolutePath('As the host sees it.'),
        minProperties: 1,
      },
      minProperties: 1,
      'x-bkp': 'by_host',
      description: 'By host pattern: paths as services see them, and as the host does.',
    },
    service_manager: {
      enum: ['script', 'systemd', 'command'],
      description:
        'What starts and stops services: scripts/nebula.service (the default), systemd, or service_commands.',
    },
    service_commands: {
      type: 'object',
      properties: {
        start: command('starts a service'),
        stop: command('stops a service'),
      },
      required: ['start', 'stop'],
      additionalProperties: false,
      description: 'With service_manager: command.',
    },
    units: {
      type: 'object',
      properties: byRole(role => ({
        type: 'string',
        minLength: 1,
        description: `The unit of ${role}; nebula-${role} without it.`,
      })),
      additionalProperties: false,
      description: 'With service_manager: systemd.',
    },
    service_user: {
      type: 'string',
      pattern: '^[a-z_][a-z0-9_.-]*\\$?$',
      description:
        'Whom the services run as; restored files are theirs. As the live folder without it.',
    },
    user: {
      type: 'string',
      minLength: 1,
      description: 'For graphd; it needs the role GOD where authorization is on.',
    },
    password: secretReference('Password of user.'),
    snapshots_by: {
      enum: ['metad', 'graphd'],
      description:
        "Who is asked for snapshots: metad (the default), or graphd by nGQL where metad's port is closed.",
    },
    create_timeout: {
      type: 'string',
      pattern: '^\\d+(\\.\\d+)?(s|m|h|d)?$',
      description: 'The longest that creating a backup or snapshot may take; 30m without it.',
    },
  },
  additionalProperties: false,
})
