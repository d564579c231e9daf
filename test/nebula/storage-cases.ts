import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeNamespaces, type Namespaces } from '../servers/namespaces.ts'
import type { NebulaOptions, NebulaService } from '../servers/nebula/contract.ts'
import { until } from '../servers/nebula/control.ts'
import { type HostsSeen, watchHosts } from '../servers/watch-hosts.ts'
import {
  explain,
  type ListedBackup,
  makeWorkspace,
  type Outcome,
  type Workspace,
} from '../slice/bkp.ts'
import { runHere } from '../slice/listing.ts'
import { type Held, type RestoreScene, requireStatus, startRestoreScene } from './restore-scene.ts'
import { blockLonger } from './scene.ts'
import type { StartVault, Vault } from './storages.ts'

export interface StorageCases {
  readonly generation: NebulaOptions['generation']
  readonly start: StartVault
  /** Restores the older backup and the newer one once more, through bkp. */
  readonly atNight?: boolean
}

const hosts = ['n1', 'n2']

/** A graph whose hosts have networks of their own, and whose backups are in a storage that is no folder. */
export function storageCases(title: string, { generation, start, atNight }: StorageCases): void {
  describe(`playbooks/nebula of NebulaGraph ${generation}, with backups in ${title}:`, () => {
    let workspace: Workspace
    let network: Namespaces
    let vault: Vault
    let graph: RestoreScene
    let stopWatch: () => Promise<HostsSeen>
    /** What `basketball` held when each backup was made; nobody else wrote to it. */
    const still: Held[] = []
    /** `cars` was written to: what was surely written before each backup, and after both. */
    const least: Held['rows'][] = []
    let most: Held['rows']
    let restored: Held

    beforeAll(async () => {
      workspace = makeWorkspace()
      network = makeNamespaces(hosts)
      vault = await start(network.bridgeAddress, workspace)
      graph = await startRestoreScene({
        ...{ generation, storageds: 2, dataPaths: 1, network, workspace, env: vault.env },
        vault: vault.definition,
        spaces: [
          { name: 'basketball', replicas: 2, partitions: 3 },
          { name: 'cars', partitions: 3 },
        ],
      })
      stopWatch = watchHosts({
        pids: graph.cluster.hosts.hosts.map(({ pid }) => pid),
        server: vault.server,
        needles: vault.needles,
      })
    })
    afterAll(async () => {
      await graph?.stop()
      await vault?.stop()
      network?.stop()
      workspace?.remove()
    })

    function done(outcome: Outcome): Outcome {
      requireStatus(outcome, 0)
      for (const secret of vault.secrets) {
        expect(outcome.stdout + outcome.stderr).not.toContain(secret)
      }
      return outcome
    }
    /** A command that reads the storage, by its name in the inventory. */
    const read = (command: string, ...words: readonly string[]): Outcome =>
      done(graph.bkp(command, 'vault', '-i', graph.inventory, ...words))
    const backups = (): readonly ListedBackup[] =>
      (JSON.parse(read('list', '--json').stdout) as { backups: ListedBackup[] }).backups.toSorted(
        (a, b) => (a.name < b.name ? -1 : 1),
      )

    async function backUp(): Promise<void> {
      still.push(await graph.held('basketball'))
      least.push(await graph.cluster.rows('cars'))
      await blockLonger(graph.cluster)
      done(graph.play('backup'))
      expect(await graph.cluster.leftovers()).toEqual([])
      expect(await graph.cluster.blocked()).toEqual([])
      expect(await vault.unfinished()).toEqual([])
    }

    it('stores two backups of a graph that is written to, the second with what is new', async () => {
      const { cluster } = graph
      await cluster.write('cars', 5)
      await until('rows are written', async () =>
        (await cluster.writers()).every(({ written }) => written > 0),
      )
      await backUp()
      await cluster.addRows('basketball', 20)
      await backUp()
      await cluster.write('cars', 0)
      most = await cluster.rows('cars')
      for (const { refused } of await cluster.writers()) expect(refused).toBeGreaterThan(0)
      expect(still[1]).not.toEqual(still[0])

      const [first, second, ...others] = backups()
      expect(others).toEqual([])
      expect(first).toMatchObject({ state: 'complete', kind: 'full', parent: null })
      expect(second).toMatchObject({ state: 'complete', kind: 'incremental', parent: first?.name })
      expect(read('verify', '--read-data').stdout).toMatch(/^checked 2 backups, .* no errors$/m)
    })

    /** Dies with all that its disk holds: everything of it must come out of the storage. */
    function lose(storaged: NebulaService): void {
      const { cluster } = graph
      cluster.kill(storaged)
      cluster.run(storaged.host, `rm -r ${storaged.dataDirs.join(' ')}`)
    }

    async function restores(
      at: 0 | 1,
      variables: Readonly<Record<string, unknown>>,
    ): Promise<Held> {
      const { cluster } = graph
      const outcome = done(graph.play('restore', variables))
      const plane = variables['plane'] ?? (vault.isDirect ? 'direct' : 'relay')
      expect(outcome.stdout).toContain(`plane ${plane}:`)
      await cluster.settled()
      expect(await graph.held('basketball'), explain(outcome)).toEqual(still[at])
      const cars = await graph.held('cars')
      const [low, now, high] = [least[at] ?? {}, cars.rows, most].map(countsOf)
      expect(Object.keys(now ?? {})).toEqual(Object.keys(high ?? {}))
      for (const [partition, rows] of Object.entries(now ?? {})) {
        expect(rows, partition).toBeGreaterThanOrEqual(low?.[partition] ?? Number.NaN)
        expect(rows, partition).toBeLessThanOrEqual(high?.[partition] ?? Number.NaN)
      }
      expect(await cluster.leftovers()).toEqual([])
      expect(await vault.unfinished()).toEqual([])
      return cars
    }

    it('restores rows and files to the same hosts, one of which lost its disk', async () => {
      const { cluster } = graph
      await cluster.addRows('basketball', 50)
      await cluster.addRows('cars', 10)
      await cluster.createSpace({ name: 'later', rows: 10 })
      for (const storaged of cluster.storageds.slice(1)) lose(storaged)
      restored = await restores(1, { dead: 'yes' })
      await expect(cluster.spaceId('later')).rejects.toThrow('no space later')
    })

    if (atNight === true) {
      it('restores the older one into the living graph', async () => {
        await graph.cluster.addRows('basketball', 5)
        await restores(0, { backup: backups()[0]?.name })
      })

      it('restores the same through bkp, with all disks lost', async () => {
        for (const storaged of graph.cluster.storageds) lose(storaged)
        expect(await restores(1, { dead: 'yes', plane: 'relay' })).toEqual(restored)
      })
    }

    it('shows no host what only bkp may know of the storage', async () => {
      const { findings, samples, seen } = await stopWatch()
      expect(findings.filter(finding => /^(cmdline|environ) of /.test(finding))).toEqual([])
      const talked = findings.filter(finding => finding.startsWith('net:'))
      expect(talked).toHaveLength(vault.isDirect ? hosts.length : 0)
      expect(samples).toBeGreaterThan(20)
      // At the least the daemons of each host, each time.
      expect(seen).toBeGreaterThan(hosts.length * 20)
      for (const host of hosts) {
        const { dataDir } = graph.cluster
        expect(graph.cluster.run(host, filesWith(vault.needles, dataDir, '/dev/shm'))).toBe('')
      }
      if (vault.secrets.length === 0) return
      expect(runHere(filesWith(vault.secrets, workspace.folder))).toBe('')
    })
  })
}

/** Rows by partition. */
function countsOf(held: Held['rows']): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(held).map(([partition, { rows }]) => [partition, rows]))
}

/** Shell text that names the files below folders that hold any of these. */
function filesWith(needles: readonly string[], ...folders: readonly string[]): string {
  const patterns = needles.map(needle => `-e '${needle}'`).join(' ')
  return `grep -rlF ${patterns} ${folders.map(folder => `'${folder}'`).join(' ')} || [ $? = 1 ]`
}
