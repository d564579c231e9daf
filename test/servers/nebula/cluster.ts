import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NebulaRole } from '../../../src/databases/nebula/instances.ts'
import { type SshdHosts, startSshd } from '../sshd.ts'
import type {
  InventoryDocument,
  NebulaCluster,
  NebulaOptions,
  NebulaService,
  ServedCall,
  SnapshotRow,
  SpaceSeed,
  WriterState,
} from './contract.ts'
import { ask, isListening, until } from './control.ts'
import { flagFile, ports } from './flags.ts'
import { buildNebula } from './programs.ts'
import { leftoverFolders, scanSpace } from './state.ts'

const scripts = fileURLToPath(new URL('install/scripts', import.meta.url))

/** What a leading metad knows. */
interface Catalog {
  readonly hosts: Readonly<Record<string, boolean>>
  readonly spaces: Readonly<Record<string, { readonly name: string }>>
  /** By space and partition. */
  readonly parts: Readonly<
    Record<string, Readonly<Record<string, readonly { host: string; port: number }[]>>>
  >
}

/** A process may have several clusters, and so may this machine: each has addresses of its own. */
let started = 0

/** Starts the services of a cluster on sshd hosts, and fills its spaces. Needs root. */
export async function startNebula(options: NebulaOptions): Promise<NebulaCluster> {
  const { generation, metads = 1, storageds = 3, graphds = 1, spares = 0 } = options
  const { prefix = 'n', network } = options
  const number = started++
  const program = buildNebula(generation)
  const dataDir = `/data-${process.pid}-${number}`
  const installDir = `${dataDir}/nebula`
  const count = Math.max(metads, storageds + spares, graphds)
  const names = Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
  const ips = names.map((name, index) => network?.host(name).address ?? addressOf(number, index))
  const hosts = await startSshd({ names, dataDir, ...(network === undefined ? {} : { network }) })
  const services: NebulaService[] = [
    ...listServices('metad', metads),
    ...listServices('storaged', storageds),
    ...listServices('graphd', graphds),
  ]

  function listServices(role: NebulaRole, amount: number): readonly NebulaService[] {
    return names.slice(0, amount).map((_, index) => serviceAt(role, index))
  }
  function serviceAt(role: NebulaRole, index: number): NebulaService {
    return Object.freeze({
      role,
      host: names[index] ?? '',
      address: `${ips[index]}:${ports[role].thrift}`,
      http: `http://${ips[index]}:${ports[role].http}`,
      dataDirs: pathsOf(role, options).map(path => absolute(path)),
    })
  }
  function absolute(path: string): string {
    return path.startsWith('/') ? path : `${installDir}/${path}`
  }
  function pathsOf(role: NebulaRole, { dataPaths = 2, relativePaths }: NebulaOptions) {
    if (role === 'graphd') return []
    if (role === 'metad') return [relativePaths === true ? 'data/meta' : absolute('data/meta')]
    return Array.from({ length: dataPaths }, (_, index) =>
      relativePaths === true ? `data/storage${index}` : `${dataDir}/disk${index}`,
    )
  }

  const ofRole = (role: NebulaRole) => services.filter(service => service.role === role)
  for (const name of names) installScripts(name)
  for (const service of services) install(service)

  function installScripts(name: string): void {
    const root = join(rootOf(hosts, name), installDir)
    for (const folder of ['bin', 'etc', 'scripts']) {
      mkdirSync(join(root, folder), { recursive: true })
    }
    for (const file of ['nebula.service', 'utils.sh']) {
      copyFileSync(join(scripts, file), join(root, 'scripts', file))
    }
  }
  function install({ role, host, address }: NebulaService): void {
    const root = join(rootOf(hosts, host), installDir)
    copyFileSync(program, join(root, 'bin', `nebula-${role}`))
    const conf = flagFile(
      {
        role,
        ip: hostAndPort(address).host,
        metads: ofRole('metad').map(metad => metad.address),
        dataPaths: pathsOf(role, options),
        walPath:
          options.walPath === true && role === 'storaged' ? `${dataDir}/wal-disk` : undefined,
      },
      options,
    )
    writeFileSync(join(root, 'etc', `nebula-${role}.conf`), conf)
  }

  const run = (host: string, script: string): string => hosts.runOn(host, `set -e\n${script}`)
  const control = ({ host, role }: NebulaService, action: string): Promise<string> =>
    hosts.waitOn(host, `${installDir}/scripts/nebula.service ${action} ${role}`)
  const isRunning = ({ host, role }: NebulaService): boolean =>
    run(
      host,
      `pid=$(cat ${installDir}/pids/nebula-${role}.pid 2>/dev/null) || exit 0
      grep -s '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" || true`,
    ) !== ''
  const start = async (...those: readonly NebulaService[]): Promise<void> => {
    await Promise.all(those.map(service => control(service, 'start')))
    for (const service of those) {
      await until(`${service.role} on ${service.host} listens`, () =>
        isListening(service.address),
      ).catch(error => {
        throw new Error(`${error.message}\n${log(service)}`)
      })
    }
  }
  const log = ({ host, role }: NebulaService): string =>
    run(host, `tail -n 200 ${installDir}/logs/nebula-${role}.INFO || true`)
  const leader = async (): Promise<NebulaService> => {
    let found: NebulaService | undefined
    await until('a metad leads', async () => {
      for (const metad of ofRole('metad')) {
        const state = await ask<{ leads: boolean }>(metad, '/test/raft').catch(() => undefined)
        if (state?.leads === true) found = metad
      }
      return found !== undefined
    })
    if (found === undefined) throw new Error('no metad leads')
    return found
  }
  const catalog = async () => await ask<Catalog>(await leader(), '/test/catalog')
  const settled = async (): Promise<void> => {
    const wanted = ofRole('storaged')
    await until('all storageds are online', async () => {
      const { hosts: online } = await catalog().catch(() => ({
        hosts: {} as Record<string, boolean>,
      }))
      return wanted.every(({ address }) => online[address] === true)
    })
    // They know by now what they have, and who leads what.
    for (let round = 0; round < 2; round++) {
      await Promise.all(wanted.map(storaged => ask(storaged, '/test/beat')))
    }
  }
  const register = async (those: readonly NebulaService[]): Promise<void> => {
    const addresses = those.map(({ address }) => hostAndPort(address))
    await ask(await leader(), '/test/hosts', addresses)
  }
  const addRows = async (space: string, rows: number): Promise<void> => {
    seeds++
    await Promise.all(
      ofRole('storaged').map(storaged => ask(storaged, '/test/seed', { space, rows, seed: seeds })),
    )
  }
  let seeds = 0
  const createSpace = async (space: SpaceSeed): Promise<void> => {
    const { partitions = 6, replicas = 1, rows = 100 } = space
    await ask(await leader(), '/test/space', {
      ...{ name: space.name, partitions, replicas, vidLength: 32 },
      tags: space.tags ?? ['player', 'team'],
      edges: space.edges ?? ['follow', 'serve'],
    })
    await settled()
    if (rows > 0) await addRows(space.name, rows)
  }
  const snapshots = async (): Promise<readonly SnapshotRow[]> =>
    await ask(await leader(), '/test/snapshots')

  const cluster: NebulaCluster = Object.freeze({
    generation,
    hosts,
    services,
    metads: ofRole('metad'),
    get storageds() {
      return ofRole('storaged')
    },
    graphds: ofRole('graphd'),
    installDir,
    dataDir,
    inventory: (settings = {}) =>
      inventoryOf(hosts, services, { install_dir: installDir, ...settings }),
    run,
    start,
    join: async () => {
      const index = ofRole('storaged').length
      if (index >= storageds + spares) throw new Error('no host is spare')
      const service = serviceAt('storaged', index)
      install(service)
      await register([service])
      await start(service)
      services.push(service)
      await settled()
      return service
    },
    stopServices: async (...those) => {
      await Promise.all(those.map(service => control(service, 'stop')))
      for (const service of those) {
        await until(`${service.role} on ${service.host} has ended`, () => !isRunning(service))
      }
    },
    kill: service => {
      const { host, role } = service
      run(host, `kill -KILL "$(cat ${installDir}/pids/nebula-${role}.pid)"`)
      // Its parent has gone: the process ends a moment later.
      while (isRunning(service));
    },
    isRunning,
    settled,
    leader,
    stepDown: async ({ to, holdMs = 500 } = {}) => {
      await ask(await leader(), '/test/stepdown', { to: to?.address ?? '', holdMs })
    },
    fault: async (service, fault) => void (await ask(service, '/test/faults', fault)),
    clearFaults: async () => {
      await Promise.all(
        services.map(service =>
          ask(service, '/test/faults', undefined, 'DELETE').catch(() => undefined),
        ),
      )
    },
    calls: async service => await ask<readonly ServedCall[]>(service, '/test/calls'),
    setJobs: async jobs => void (await ask(await leader(), '/test/jobs', jobs)),
    createSpace,
    addRows,
    write: async (space, everyMs) => {
      await Promise.all(
        ofRole('storaged')
          .filter(isRunning)
          .map(storaged => ask(storaged, '/test/writer', { space, everyMs })),
      )
    },
    writers: async () =>
      await Promise.all(
        ofRole('storaged')
          .filter(isRunning)
          .map(storaged => ask<WriterState>(storaged, '/test/writer')),
      ),
    blocked: async () => {
      const found = await Promise.all(
        ofRole('storaged')
          .filter(isRunning)
          .map(async storaged => {
            const spaces = await ask<Record<string, boolean>>(storaged, '/test/blocked')
            return Object.values(spaces).includes(true) ? [storaged] : []
          }),
      )
      return found.flat()
    },
    rows: async space => {
      type Sums = Record<string, { leads: boolean; rows: number; sha256: string }>
      const found: Record<string, { rows: number; sha256: string }> = {}
      for (const storaged of ofRole('storaged')) {
        const sums = await ask<Sums>(storaged, '/test/rows', space)
        for (const [part, { leads, rows, sha256 }] of Object.entries(sums)) {
          if (leads) found[part] = { rows, sha256 }
        }
      }
      return found
    },
    scan: async id => await scanSpace(hosts, ofRole('storaged'), id),
    spaceId: async name => {
      const { spaces } = await catalog()
      const id = Object.entries(spaces).find(([, space]) => space.name === name)?.[0]
      if (id === undefined) throw new Error(`no space ${name}`)
      return Number(id)
    },
    snapshots,
    partitionHosts: async () => {
      const { parts } = await catalog()
      const peers = Object.values(parts).flatMap(space => Object.values(space).flat())
      return peers.map(({ host, port }) => `${host}:${port}`)
    },
    leftovers: async () => [
      ...(await leftoverFolders(hosts, dataDir)),
      ...(await snapshots()).map(({ name }) => `row ${name}`),
    ],
    log,
    stop: async () => await hosts.stop(),
  } satisfies NebulaCluster)

  try {
    await start(...ofRole('metad'))
    await leader()
    await register(ofRole('storaged'))
    await start(...ofRole('storaged'), ...ofRole('graphd'))
    await settled()
    if (options.agents === true) {
      for (const ip of ips) await ask(await leader(), '/test/agent', { host: ip, port: 8888 })
    }
    for (const space of options.spaces ?? [{ name: 'basketball' }]) await createSpace(space)
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

function addressOf(number: number, index: number): string {
  const { pid } = process
  return `127.${64 + ((pid >> 8) & 63)}.${pid & 255}.${1 + ((number * 16) % 240) + index}`
}

function hostAndPort(address: string): { host: string; port: number } {
  const [host = '', port = ''] = address.split(':')
  return { host, port: Number(port) }
}

/** Where this process sees a host's root folder. */
function rootOf(hosts: SshdHosts, name: string): string {
  return `/proc/${hosts.hosts.find(host => host.name === name)?.pid}/root`
}

function inventoryOf(
  { hosts, privateKeyFile, knownHostsFile }: SshdHosts,
  services: readonly NebulaService[],
  settings: Readonly<Record<string, unknown>>,
): InventoryDocument {
  const pattern = (role: NebulaRole) =>
    services
      .filter(service => service.role === role)
      .map(({ host }) => host)
      .join(':')
  const roles = (['metad', 'storaged', 'graphd'] as const).filter(role => pattern(role) !== '')
  return {
    all: {
      vars: {
        ansible_user: 'root',
        ansible_ssh_private_key_file: privateKeyFile,
        ansible_ssh_common_args: `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${knownHostsFile}`,
      },
      hosts: Object.fromEntries(
        hosts.map(({ name, hostname, port }) => [
          name,
          { ansible_host: hostname, ansible_port: port },
        ]),
      ),
    },
    clusters: {
      graph: {
        kind: 'nebula',
        hosts: Object.fromEntries(roles.map(role => [role, pattern(role)])),
        ...settings,
      },
    },
  }
}
