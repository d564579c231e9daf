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
    own.wal_dir ??
    (walPath === ''
      ? undefined
      : toHost(absolute(root, walPath, { flag: 'wal_path', found, place })))
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
        ? toHost(absolute(root, pid, { flag: 'pid_file', found, place }))
        : posix.resolve(installDir, own.pid_file),
    ...logsOf(found, flags, toHost, root),
    http: httpOf(settings, found, flags, dial, place),
  } satisfies Instance)
}

/** What to write into the cluster of the inventory about a service, as YAML of one line. */
function setting({ role, hostName }: Found, keys: string): string {
  return `instances: { ${role}: { ${hostName}: [{ ${keys} }] } }`
}

/** No file: whether the inventory says enough without it. */
function noFlags(found: Found, place: string): Flags {
  const { role, hostName, settings: own, conf } = found
  if (role === 'graphd' ? own.address !== undefined : own.data_dirs !== undefined) return new Map()
  const address = `address: "HOST:${defaultPorts[role]}"`
  const folders = role === 'graphd' ? '' : ', data_dirs: [/FOLDER]'
  const logs = role === 'storaged' ? ', and wal_dir where it has a --wal_path' : ''
  throw new BkpError('file.unreadable', `${place} is not there`, {
    hint: [
      'write into the cluster of the inventory: install_dir, if it is installed elsewhere',
      `or ${setting(found, 'conf: /PATH/OF/THE/FILE')}`,
      `or, if there is no such file, ${setting(found, `${address}${folders}`)}${logs}`,
      `if only root may look there: ansible_become: true for ${hostName}`,
    ].join('; '),
    details: { host: hostName, path: conf, setting: `instances.${role}.${hostName}` },
  })
}

function addressOf(
  settings: NebulaSettings,
  found: Found,
  flags: Flags,
  place: string,
): ServiceAddress {
  const { role, hostName, hostname, settings: own } = found
  const port = settings.ports?.[role] ?? portOf(flags, 'port', role, place) ?? defaultPorts[role]
  if (own.address !== undefined) return requireAddress(own.address, port)
  return { host: localIp(found, flags, place) ?? hostname ?? hostName, port }
}

function localIp(found: Found, flags: Flags, place: string): string | undefined {
  const host = flags.get('local_ip') ?? ''
  if (host === '') return undefined
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]*$/.test(host)) return host
  throw new BkpError('file.unreadable', `${place}: --local_ip is no address of a host`, {
    hint: orWrite(setting(found, `address: "HOST:${defaultPorts[found.role]}"`)),
  })
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
    portOf(flags, 'ws_http_port', `${role}_http`, place) ??
    defaultPorts[`${role}_http`]
  if (own.http !== undefined) return requireAddress(own.http, port)
  const bound = flags.get('ws_ip') ?? ''
  return { host: isLiteral(bound) && bound !== '0.0.0.0' ? bound : dial.host, port }
}

function dataDirsOf(
  settings: NebulaSettings,
  found: Found,
  flags: Flags,
  place: string,
): Pick<Instance, 'dataDirs' | 'serviceDataDirs'> {
  const { role, hostName, settings: own, installDir } = found
  if (role === 'graphd') return { dataDirs: [], serviceDataDirs: [] }
  if (own.data_dirs !== undefined) {
    const dataDirs = own.data_dirs.map(path => posix.resolve(installDir, path))
    const serviceDataDirs = dataDirs.map(path => toServicePath(settings, hostName, path))
    return { dataDirs, serviceDataDirs }
  }
  const root = toServicePath(settings, hostName, installDir)
  const serviceDataDirs = listOf(flags.get('data_path')).map(path =>
    absolute(root, path, { flag: 'data_path', found, place }),
  )
  if (serviceDataDirs.length === 0) {
    throw new BkpError('file.unreadable', `${place} names no --data_path`, {
      hint: orWrite(setting(found, pathKeys.data_path)),
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

/** Flags that are paths, and what says them in the inventory. */
const pathKeys = {
  data_path: 'data_dirs: [/FOLDER]',
  wal_path: 'wal_dir: /FOLDER',
  pid_file: 'pid_file: /FILE',
} as const

/** A path of a file that anyone may have written: absolute, plain, and not the root. */
function absolute(
  root: string,
  path: string,
  { flag, found, place }: { flag: keyof typeof pathKeys; found: Found; place: string },
): string {
  const whole = posix.resolve(root, path)
  if (whole !== '/' && isPlain(path)) return whole
  throw new BkpError('file.unreadable', `${place}: --${flag} is no path that can be used`, {
    hint: orWrite(setting(found, pathKeys[flag])),
  })
}

function isPlain(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return !/[\u0000-\u001f\u007f\ufffd]/.test(path)
}

function portOf(
  flags: Flags,
  flag: string,
  name: keyof typeof defaultPorts,
  place: string,
): number | undefined {
  const text = flags.get(flag)
  if (text === undefined || text === '') return undefined
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new BkpError('file.unreadable', `${place}: --${flag} is no port`, {
    hint: orWrite(`ports: { ${name}: ${defaultPorts[name]} }`),
  })
}

/** Where the file is wrong: the inventory wins. */
function orWrite(words: string): string {
  return `correct it, or write into the cluster of the inventory: ${words}`
}
