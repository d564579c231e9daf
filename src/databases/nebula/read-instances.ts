import { posix } from 'node:path'
import { BkpError, throwFaults } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Probes, ReadOnlyHost } from '../../connection/contract.ts'
import { content, output } from '../../connection/probes.ts'
import { describeInstance, type Found } from './describe-instance.ts'
import { type Instance, type NebulaRole, nebulaRoles } from './instances.ts'
import type { InstanceSettings, NebulaSettings } from './settings.ts'

/** The part of a cluster of the inventory that its instances are read from. */
export interface ClusterPart {
  readonly roles: Readonly<Record<string, readonly string[]>>
  readonly settings: NebulaSettings
}

/** Bytes of a configuration file; the vendor's have some 5 KiB. */
const confLimitBytes = 1024 * 1024

/** Where the vendor's packages install. */
const defaultInstallDir = '/usr/local/nebula'

/**
 * The services of a cluster on those of its hosts that are given, role by role in inventory order, from their
 * configuration files; settings of the inventory win. One round trip a host. Nothing need run.
 * @throws file.unreadable, inventory.invalid, ssh.*
 */
export async function readInstances(
  hosts: readonly ReadOnlyHost[],
  cluster: ClusterPart,
  io: Io,
): Promise<readonly Instance[]> {
  const perHost = await Promise.all(hosts.map(host => readHost(host, cluster, io)))
  const found = perHost.flatMap(({ instances }) => instances)
  const faults = perHost.flatMap(each => each.faults)
  throwFaults(faults, 'configuration files of the cluster cannot be used')
  requireDistinct(found)
  return nebulaRoles.flatMap(role => found.filter(instance => instance.role === role))
}

/** A service that the inventory names on a host. */
interface Named {
  readonly role: NebulaRole
  readonly settings: InstanceSettings
  readonly installDir: string
  readonly conf: string
}

async function readHost(
  host: ReadOnlyHost,
  cluster: ClusterPart,
  io: Io,
): Promise<{ readonly instances: readonly Instance[]; readonly faults: readonly BkpError[] }> {
  const named = namedOn(host.name, cluster)
  if (named.length === 0) return { instances: [], faults: [] }
  const probes: Probes = {
    ...Object.fromEntries(named.map(({ conf }) => [`conf:${conf}`, content(conf, confLimitBytes)])),
    hostname: output('hostname'),
  }
  const answers = await host.ask(probes, io).catch(thrown => {
    throw explained(thrown, host.name)
  })
  const hostname = readHostname(answers['hostname'])
  const instances: Instance[] = []
  const faults: BkpError[] = []
  for (const each of named) {
    const conf = readContent(answers[`conf:${each.conf}`])
    const found: Found = {
      ...each,
      hostName: host.name,
      ...(conf === undefined ? {} : { bytes: conf }),
      ...(hostname === undefined ? {} : { hostname }),
    }
    try {
      instances.push(describeInstance(cluster.settings, found))
    } catch (error) {
      if (!(error instanceof BkpError)) throw error
      faults.push(error)
    }
  }
  return { instances, faults }
}

/** A file that is there and closed to the user says neither its host nor what to do. */
function explained(thrown: unknown, host: string): unknown {
  if (!(thrown instanceof BkpError) || thrown.code !== 'file.unreadable') return thrown
  return new BkpError(thrown.code, `${host}: ${thrown.message}`, {
    cause: thrown,
    hint: `let the user that bkp logs in as read it, or write ansible_become: true for ${host} into the inventory`,
    details: { ...thrown.details, host },
  })
}

/** What the inventory says of the services on one host. */
function namedOn(hostName: string, { roles, settings }: ClusterPart): readonly Named[] {
  return nebulaRoles
    .filter(role => roles[role]?.includes(hostName) === true)
    .flatMap(role =>
      (settings.instances?.[role]?.[hostName] ?? [{}]).map(own => {
        const installDir = own.install_dir ?? settings.install_dir ?? defaultInstallDir
        const conf = posix.resolve(installDir, own.conf ?? `etc/nebula-${role}.conf`)
        return { role, settings: own, installDir, conf }
      }),
    )
}

function readContent(answer: unknown): Uint8Array | undefined {
  if (typeof answer !== 'object' || answer === null || !('bytes' in answer)) return undefined
  return answer.bytes instanceof Uint8Array ? answer.bytes : undefined
}

function readHostname(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('stdout' in answer)) return undefined
  const name = String(answer.stdout).trim()
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) ? name : undefined
}

/** Everything is keyed by role and address: two of one would be taken for the same. */
function requireDistinct(instances: readonly Instance[]): void {
  const seen = new Map<string, Instance>()
  for (const instance of instances) {
    const { role, address, hostName } = instance
    const key = `${role} ${address.host}:${address.port}`
    const other = seen.get(key)
    if (other !== undefined) {
      throw new BkpError(
        'inventory.invalid',
        `${key} is both on ${other.hostName} (${other.conf}) and on ${hostName} (${instance.conf})`,
        { hint: `give each its address under instances.${role}, or correct --local_ip` },
      )
    }
    seen.set(key, instance)
  }
}
