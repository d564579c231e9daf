import type { NebulaRole } from '../../../src/databases/nebula/instances.ts'
import type { NebulaOptions } from './contract.ts'

/** Ports of a role as the vendor's configurations have them: thrift and HTTP. */
export const ports: Readonly<
  Record<NebulaRole, { readonly thrift: number; readonly http: number }>
> = {
  metad: { thrift: 9559, http: 19559 },
  storaged: { thrift: 9779, http: 19779 },
  graphd: { thrift: 9669, http: 19669 },
}

/** What a storaged of the tests beats: hosts are offline after ten of it. */
export const heartbeatMs = 300

export interface FlagFile {
  readonly role: NebulaRole
  readonly ip: string
  readonly metads: readonly string[]
  readonly dataPaths: readonly string[]
  readonly walPath: string | undefined
}

/** A flag file in the form of the vendor's: comments, and flags in groups. */
export function flagFile(
  { role, ip, metads, dataPaths, walPath }: FlagFile,
  options: NebulaOptions,
): string {
  const flags: Readonly<Record<string, string>> = {
    daemonize: 'true',
    pid_file: `pids/nebula-${role}.pid`,
    log_dir: 'logs',
    meta_server_addrs: metads.join(','),
    local_ip: ip,
    port: String(ports[role].thrift),
    ws_ip: '0.0.0.0',
    ws_http_port: String(ports[role].http),
    ...(dataPaths.length === 0 ? {} : { data_path: dataPaths.join(',') }),
    ...(walPath === undefined ? {} : { wal_path: walPath }),
    heartbeat_interval_secs: '10',
    ...(role === 'metad' ? { expired_time_factor: '10' } : {}),
    test_heartbeat_ms: String(heartbeatMs),
    test_start_ms: String(options.startMs ?? 0),
    test_stop_ms: String(options.stopMs ?? 0),
    ...(options.version === undefined ? {} : { test_version: options.version }),
    ...(options.authorize === true && role === 'graphd'
      ? { enable_authorize: 'true', test_users: 'reader:reader:USER' }
      : {}),
    ...options.flags?.[role],
  }
  const lines = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  return [`########## basics of nebula-${role} ##########`, ...lines, ''].join('\n')
}
