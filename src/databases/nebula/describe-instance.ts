import { posix } from 'node:path'
import { BkpError } from '../../base/errors.ts'
import { defaultPorts, isLiteral, requireAddress } from './addresses.ts'
import { type Flags, listOf, parseConf } from './conf/parse-conf.ts'
import { addressText, type ServiceAddress } from './contract.ts'
import type { Instance, NebulaRole } from './instances.ts'
import { toHostPath, toServicePath } from './paths.ts'
import type { InstanceSettings, NebulaSettings } from './settings.ts'

/** What is known of a service before its configuration is understood. */
export interface Found {
  readonly role: NebulaRole
  readonly hostName: string
  readonly settings: InstanceSettings
  readonly installDir: string
  readonly conf: string
  /** Of its configuration file; absent where that is not there. */
  readonly bytes?: Uint8Array
  /** As the host calls itself: what a service without --local_ip goes by. */
  readonly hostname?: string
}

/**
 * A service from its configuration file and the inventory, which wins. The file need not be there where
 * the inventory says what cannot be guessed: data_dirs of metad and storaged, the address of graphd.
 * @throws file.unreadable, inventory.invalid
 */
export function describeInstance(settings: NebulaSettings, found: Found): Instance {
  const { role, hostName, settings: own, installDir, conf } = found
  const place = `${hostName}: ${conf}`
  const flags = found.bytes === undefined ? noFlags(found, place) : parseConf(found.bytes, place)
  const address = addressOf(settings, found, flags, place)
  const dial = dialOf(settings, found, flags, address)
  const root = toServicePath(settings, hostName, installDir)
  const toHost = (path: string): string => toHostPath(settings, hostName, path)
  const { dataDirs, serviceDataDirs } = dataDirsOf(settings, found, flags, place)
  const walPath = flags.get('wal_path') ?? ''
  const walDir =
    own.wal_dir ?? (walPath === '' ? undefined : toHost(absolute(root, walPath, 'wal_path', place)))
  const pid = flags.get('pid_file') || `pids/nebula-${role}.pid`
  return Object.freeze({
    role,
    hostName,
    address,
    dial,
    installDir,
    conf,
    dataDirs,
    serviceDataDirs,
    ...(role === 'storaged' && walDir !== undefined ? { walDir } : {}),
    pidFile:
      own.pid_file === undefined
        ? toHost(absolute(root, pid, 'pid_file', place))
        : posix.resolve(installDir, own.pid_file),
    ...logsOf(found, flags, toHost, root),
    http: httpOf(settings, found, flags, dial, place),
  } satisfies Instance)
}

/** No file: whether the inventory says enough without it. */
function noFlags({ role, hostName, settings: own, conf }: Found, place: string): Flags {
  if (role === 'graphd' ? own.address !== undefined : own.data_dirs !== undefined) return new Map()
  const at = `instances.${role}.${hostName}`
  const enough = role === 'graphd' ? 'address' : 'address and data_dirs'
  throw new BkpError('file.unreadable', `${place} is not there`, {
    hint: `set install_dir, or conf under ${at}; without a file give ${enough} there`,
    details: { host: hostName, path: conf, setting: at },
  })
}

function addressOf(
  settings: NebulaSettings,
  { role, hostName, hostname, settings: own }: Found,
  flags: Flags,
  place: string,
): ServiceAddress {
  const port = settings.ports?.[role] ?? portOf(flags, 'port', place) ?? defaultPorts[role]
  if (own.address !== undefined) return requireAddress(own.address, port)
  return { host: localIp(flags, place) ?? hostname ?? hostName, port }
}

function localIp(flags: Flags, place: string): string | undefined {
  const host = flags.get('local_ip') ?? ''
  if (host === '') return undefined
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]*$/.test(host)) return host
  throw new BkpError('file.unreadable', `${place}: --local_ip is no address of a host`)
}

function dialOf(
  settings: NebulaSettings,
  { settings: own }: Found,
  flags: Flags,
  address: ServiceAddress,
): ServiceAddress {
  const given = own.dial ?? settings.address_map?.[addressText(address)]
  if (given !== undefined) return requireAddress(given, address.port)
  // A name may be known inside containers only; the host itself always has a loopback.
  const host = flags.get('local_ip') || address.host
  return { host: isLiteral(host) ? host : '127.0.0.1', port: address.port }
}

function httpOf(
  settings: NebulaSettings,
  { role, settings: own }: Found,
  flags: Flags,
  dial: ServiceAddress,
  place: string,
): ServiceAddress {
  const port =
    settings.ports?.[`${role}_http`] ??
    portOf(flags, 'ws_http_port', place) ??
    defaultPorts[`${role}_http`]
  if (own.http !== undefined) return requireAddress(own.http, port)
  const bound = flags.get('ws_ip') ?? ''
  return { host: isLiteral(bound) && bound !== '0.0.0.0' ? bound : dial.host, port }
}

function dataDirsOf(
  settings: NebulaSettings,
  { role, hostName, settings: own, installDir }: Found,
  flags: Flags,
  place: string,
): Pick<Instance, 'dataDirs' | 'serviceDataDirs'> {
  if (role === 'graphd') return { dataDirs: [], serviceDataDirs: [] }
  if (own.data_dirs !== undefined) {
    const dataDirs = own.data_dirs.map(path => posix.resolve(installDir, path))
    const serviceDataDirs = dataDirs.map(path => toServicePath(settings, hostName, path))
    return { dataDirs, serviceDataDirs }
  }
  const root = toServicePath(settings, hostName, installDir)
  const serviceDataDirs = listOf(flags.get('data_path')).map(path =>
    absolute(root, path, 'data_path', place),
  )
  if (serviceDataDirs.length === 0) {
    throw new BkpError('file.unreadable', `${place} names no --data_path`, {
      hint: `give data_dirs under instances.${role}.${hostName}`,
    })
  }
  const dataDirs = serviceDataDirs.map(path => toHostPath(settings, hostName, path))
  return { dataDirs, serviceDataDirs }
}

/** The vendor's files have `--log_dir=logs`, `--stderr_log_file=storaged-stderr.log`. */
function logsOf(
  { role, installDir }: Found,
  flags: Flags,
  toHost: (path: string) => string,
  root: string,
): Pick<Instance, 'logDir' | 'stderrLog'> {
  const folder = flags.get('log_dir') || 'logs'
  const file = flags.get('stderr_log_file') ?? ''
  return {
    // Nothing depends on logs but what is told of a failure.
    logDir: isPlain(folder)
      ? toHost(posix.resolve(root, folder))
      : posix.resolve(installDir, 'logs'),
    stderrLog: /^[\w.][\w.-]*$/.test(file) ? file : `${role}-stderr.log`,
  }
}

/** A path of a file that anyone may have written: absolute, plain, and not the root. */
function absolute(root: string, path: string, flag: string, place: string): string {
  const whole = posix.resolve(root, path)
  if (whole !== '/' && isPlain(path)) return whole
  throw new BkpError('file.unreadable', `${place}: --${flag} is no path that can be used`)
}

function isPlain(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return !/[\u0000-\u001f\u007f\ufffd]/.test(path)
}

function portOf(flags: Flags, flag: string, place: string): number | undefined {
  const text = flags.get(flag)
  if (text === undefined || text === '') return undefined
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new BkpError('file.unreadable', `${place}: --${flag} is no port`)
}
