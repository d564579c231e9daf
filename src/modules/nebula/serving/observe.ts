import type { Io } from '../../../base/io.ts'
import type { Probes, ReadOnlyHost } from '../../../connection/contract.ts'
import {
  content,
  file,
  type HeldLock,
  heldLocks,
  type ListeningPort,
  listeningPorts,
  type ProcessFacts,
  processes,
  type ServiceFacts,
  service,
} from '../../../connection/probes.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { spacesFolder } from '../../../databases/nebula/layout.ts'
import { serviceScript, unitName } from '../../../databases/nebula/service/commands.ts'
import {
  daemonName,
  type Observed,
  observeDaemons,
} from '../../../databases/nebula/service/daemons.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'

/** A number, and what a pid file may have around it, in bytes. */
const pidFileLimitBytes = 64

/**
 * What runs of the services of a cluster, by processes, ports and locks: one round trip a host. All of a
 * host are given, since one is told from another by what is whose.
 */
export async function observe(
  hosts: readonly ReadOnlyHost[],
  instances: readonly Instance[],
  settings: NebulaSettings,
  io: Io,
): Promise<readonly Observed[]> {
  const views = await Promise.all(
    hosts.map(async host => {
      const own = instances.filter(({ hostName }) => hostName === host.name)
      return own.length === 0 ? [] : await observeHost(host, own, settings, io)
    }),
  )
  const seen = views.flat()
  return instances.flatMap(instance => seen.find(one => one.instance === instance) ?? [])
}

async function observeHost(
  host: ReadOnlyHost,
  instances: readonly Instance[],
  settings: NebulaSettings,
  io: Io,
): Promise<readonly Observed[]> {
  const folders = [...new Set(instances.flatMap(({ dataDirs }) => dataDirs))]
  const pidFiles = [...new Set(instances.map(({ pidFile }) => pidFile))]
  const probes: Probes = {
    processes: processes('nebula-', [...new Set(instances.map(({ conf }) => conf))]),
    ports: listeningPorts(),
    locks: heldLocks(folders.map(folder => `${globWord(spacesFolder(folder))}/*/data/LOCK`)),
    ...Object.fromEntries(
      pidFiles.map(path => [`pid:${path}`, content(path, pidFileLimitBytes)] as const),
    ),
  }
  const answers = await host.ask(probes, io)
  const texts = pidFiles.map(path => {
    const found = answers[`pid:${path}`] as { readonly bytes: Uint8Array } | undefined
    return [path, found === undefined ? '' : Buffer.from(found.bytes).toString('latin1')] as const
  })
  // Answers are of the probes above; the record of them has lost their types.
  const view = {
    processes: answers['processes'] as readonly ProcessFacts[],
    ports: answers['ports'] as readonly ListeningPort[],
    locks: answers['locks'] as readonly HeldLock[],
    pidFiles: Object.fromEntries(texts),
  }
  return observeDaemons(instances, view, settings)
}

/** A path within a glob means itself. */
function globWord(path: string): string {
  return path.replaceAll(/[*?[\]]/g, '?')
}

/** What a service cannot be managed for, where that is so: a message for each such. */
export async function findUnmanageable(
  hosts: readonly ReadOnlyHost[],
  instances: readonly Instance[],
  settings: NebulaSettings,
  io: Io,
): Promise<readonly string[]> {
  const manager = settings.service_manager ?? 'script'
  if (manager === 'command') return []
  const found = await Promise.all(
    hosts.map(async host => {
      const own = instances.filter(({ hostName }) => hostName === host.name)
      if (own.length === 0) return []
      return manager === 'systemd'
        ? await findUnits(host, own, settings, io)
        : await findScripts(host, own, io)
    }),
  )
  return [...new Set(found.flat())]
}

async function findScripts(
  host: ReadOnlyHost,
  instances: readonly Instance[],
  io: Io,
): Promise<readonly string[]> {
  const paths = instances.flatMap(({ installDir, role }) => [
    `${installDir}/${serviceScript}`,
    `${installDir}/bin/${daemonName(role)}`,
  ])
  const probes: Probes = Object.fromEntries(
    [...new Set(paths)].map(path => [path, file(path, { follow: true })]),
  )
  const answers = await host.ask(probes, io)
  return Object.entries(answers).flatMap(([path, facts]) =>
    (facts as { readonly kind: string }).kind === 'file' ? [] : [`${host.name} has no ${path}`],
  )
}

async function findUnits(
  host: ReadOnlyHost,
  instances: readonly Instance[],
  settings: NebulaSettings,
  io: Io,
): Promise<readonly string[]> {
  const names = [...new Set(instances.map(instance => unitName(instance, settings)))]
  const probes: Probes = Object.fromEntries(
    names.map(name => [name, service(name, { use: 'systemd' })]),
  )
  const answers = await host.ask(probes, io)
  return names.flatMap(name =>
    (answers[name] as ServiceFacts).exists ? [] : [`${host.name} has no unit ${name}`],
  )
}
