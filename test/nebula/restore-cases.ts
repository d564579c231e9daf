import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NebulaOptions, NebulaService } from '../servers/nebula/contract.ts'
import { until } from '../servers/nebula/control.ts'
import { explain, listBackups } from '../slice/bkp.ts'
import { runAsPlanned } from './plan-truth.ts'
import { type KillPoint, killCases } from './restore-kills.ts'
import {
  type Held,
  plannedOf,
  type RestoreScene,
  requireStatus,
  startRestoreScene,
} from './restore-scene.ts'
import { snapshotRestoreCases } from './snapshot-restore-cases.ts'

export interface RestoreCases extends NebulaOptions {
  /** Also what takes longer: single spaces, addresses that change places, bkp killed at these points. */
  readonly atNight?: { readonly kills: readonly KillPoint[] }
}

const spaces = [
  { name: 'basketball', replicas: 2, partitions: 3 },
  { name: 'cars', partitions: 3 },
] as const

type Contents = Readonly<Record<'basketball' | 'cars', Held>>

async function contentsOf({ held }: RestoreScene): Promise<Contents> {
  return { basketball: await held('basketball'), cars: await held('cars') }
}

function nameOf({ generation, version, metads = 1 }: NebulaOptions): string {
  return `playbooks/nebula of NebulaGraph ${version ?? generation}, ${metads} metads:`
}

/** Restores of one cluster, to itself and to another. */
export function restoreCases({ atNight, ...options }: RestoreCases): void {
  describe(`${nameOf(options)} restore`, () => {
    let graph: RestoreScene
    let copy: RestoreScene
    let backedUp: Contents

    beforeAll(async () => {
      graph = await startRestoreScene({
        ...{ storageds: 2, dataPaths: 1, spaces, spares: atNight === undefined ? 1 : 2 },
        ...options,
      })
      copy = await startRestoreScene({
        // One more than the backup has: the metads that it brings do not know any of them.
        ...{ dataPaths: 1, ...options, metads: 1, spaces: [] },
        storageds: graph.cluster.storageds.length + 1,
        ...{ name: 'drill', prefix: 'd', workspace: graph.workspace },
        settings: { service_user: 'daemon' },
      })
      backedUp = await contentsOf(graph)
      requireStatus(graph.play('backup'), 0)
    })
    afterAll(async () => {
      await copy?.stop()
      await graph?.stop()
    })

    it('puts rows and files back on the same hosts, and sets aside what came later', async () => {
      const { cluster } = graph
      await cluster.addRows('basketball', 50)
      await cluster.createSpace({ name: 'later', rows: 10 })
      expect(await contentsOf(graph)).not.toEqual(backedUp)
      const outcome = await runAsPlanned(plannedOf(graph, 'restore'))
      requireStatus(outcome, 0)
      expect(outcome.stdout).toMatch(/it was down for \d+ s/)
      expect(outcome.stdout).not.toContain('this plan does not bring it back')
      await cluster.settled()
      expect(await contentsOf(graph)).toEqual(backedUp)
      await expect(cluster.spaceId('later')).rejects.toThrow('no space later')
    })

    it('puts everything back where a storaged does not start with what was restored', async () => {
      const { cluster } = graph
      await cluster.addRows('cars', 20)
      const before = await contentsOf(graph)
      const repair = failOnceSwapped(graph)
      const outcome = graph.play('restore', { timeout: '30s' })
      repair()
      requireStatus(outcome, 2)
      expect(outcome.stdout).toContain('the restore failed and graph is as it was')
      await cluster.settled()
      expect(await contentsOf(graph)).toEqual(before)
    })

    it('restores to other hosts by a map, as a drill', async () => {
      const [empty, ...taken] = copy.cluster.storageds
      const host_map = mapOf(graph.cluster.storageds, [...taken].reverse())
      const variables = { of: 'graph', host_map }
      const outcome =
        atNight === undefined
          ? copy.play('drill', variables)
          : await runAsPlanned(plannedOf(copy, 'drill', variables))
      requireStatus(outcome, 0)
      await copy.cluster.settled()
      expect(await contentsOf(copy)).toEqual(backedUp)
      for (const { host, dataDirs } of taken) {
        // A data path may hold no partition.
        const spaceFolders = dataDirs.map(dir => `${dir}/nebula/[1-9]*`).join(' ')
        const find = `find $(ls -d ${spaceFolders} 2>/dev/null)`
        expect(copy.cluster.run(host, `${find} -maxdepth 0 ! -user daemon`)).toBe('')
        const sst = `${find} -path '*/data/*.sst' -user daemon -group daemon`
        expect(copy.cluster.run(host, sst)).not.toBe('')
      }
      const addresses = new Set(taken.map(({ address }) => address))
      const peers = await copy.cluster.partitionHosts()
      expect(peers.filter(address => !addresses.has(address))).toEqual([])
      expect(copy.cluster.isRunning(empty as NebulaService)).toBe(true)
    })

    it('refuses other hosts without a map, before anything is done', () => {
      const outcome = copy.play('restore', { of: 'graph' })
      requireStatus(outcome, 2)
      expect(outcome.stdout + outcome.stderr).toContain('held partitions')
      const { cluster } = copy
      expect(cluster.services.filter(service => !cluster.isRunning(service))).toEqual([])
    })

    if (atNight !== undefined) nightCases(atNight)
    // Last: afterwards the cluster has storageds that the backup does not know.
    snapshotRestoreCases({
      graph: () => graph,
      contents: async () => await contentsOf(graph),
      generation: options.generation,
      isNight: atNight !== undefined,
    })

    function nightCases({ kills }: NonNullable<RestoreCases['atNight']>): void {
      it('drills into no cluster that the backup is of', () => {
        const outcome = graph.play('drill', { of: 'graph' })
        requireStatus(outcome, 2)
        expect(outcome.stdout).toContain('a drill restores graph into another cluster')
      })

      it.runIf(options.generation !== '2.0')(
        'puts a single space back, and leaves the others alone',
        async () => {
          const { cluster } = graph
          const cars = await graph.held('cars')
          requireStatus(graph.play('backup', { spaces: ['cars'] }), 0)
          await cluster.addRows('cars', 30)
          await cluster.createSpace({ name: 'other', rows: 10 })
          const other = await graph.held('other')
          await cluster.createSpace({ name: 'busy', rows: 10 })
          const basketball = await graph.held('basketball')
          const id = await cluster.spaceId('basketball')
          const files = filesOf(graph, id)
          expect(files.some(line => line.includes('.sst'))).toBe(true)
          await cluster.write('busy', 20)
          const written = await allWrite(graph)
          const outcome = graph.play('restore')
          requireStatus(outcome, 0)
          await cluster.settled()
          // Whoever wrote to another space goes on, and what was written is there.
          await cluster.write('busy', 20)
          await allWrite(graph)
          await cluster.write('busy', 0)
          const rows = Object.values(await cluster.rows('busy')).map(each => each.rows)
          expect(rows.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(written)
          expect(await graph.held('cars'), explain(outcome)).toEqual(cars)
          expect(await graph.held('basketball')).toEqual(basketball)
          expect(await graph.held('other')).toEqual(other)
          const now = new Set(filesOf(graph, id))
          expect(files.filter(line => !now.has(line))).toEqual([])
          await cluster.addRows('basketball', 1)
        },
      )

      it('lets addresses change places where the version can, and refuses it before anything is done', async () => {
        const { cluster } = graph
        const of = contentsOf(graph)
        const host_map = mapOf(cluster.storageds, [...cluster.storageds].reverse())
        const variables = { backup: firstBackup(graph), host_map }
        const outcome = graph.play('restore', variables)
        const isFirst = options.generation === '2.0' || options.generation === '2.1'
        if (isFirst && (options.metads ?? 1) > 1) {
          requireStatus(outcome, 2)
          expect(outcome.stdout + outcome.stderr).toContain('cannot take other addresses')
          expect(await contentsOf(graph)).toEqual(await of)
          return
        }
        requireStatus(outcome, 0)
        await cluster.settled()
        expect(await contentsOf(graph)).toEqual(backedUp)
      })

      killCases(kills, {
        graph: () => graph,
        contents: async () => await contentsOf(graph),
        backup: () => ({ name: firstBackup(graph), contents: backedUp }),
      })
    }
  })
}

/** Waits until every storaged has written; how many rows together. */
async function allWrite({ cluster }: RestoreScene): Promise<number> {
  let sum = 0
  await until('rows are written', async () => {
    const writers = await cluster.writers()
    sum = writers.reduce((total, { written }) => total + written, 0)
    return writers.length > 0 && writers.every(({ written }) => written > 0)
  })
  return sum
}

/** From one to the other, in their order. */
function mapOf(from: readonly NebulaService[], to: readonly NebulaService[]) {
  return Object.fromEntries(from.map(({ address }, at) => [address, to[at]?.address]))
}

/** The backup that everything began with. */
function firstBackup({ workspace }: RestoreScene): string {
  const [first] = listBackups(workspace)
  if (first === undefined) throw new Error('no backup')
  return first.name
}

/** A storaged that does not start with what was restored: found out only once all is swapped. */
function failOnceSwapped({ cluster }: RestoreScene): () => void {
  const [storaged] = cluster.storageds
  if (storaged === undefined) throw new Error('no storaged')
  const { host, dataDirs } = storaged
  const script = `${cluster.installDir}/scripts/nebula.service`
  const kept = `ls -d ${dataDirs[0]}/nebula/.bkp-*/old 2>/dev/null | wc -l`
  const before = Number(cluster.run(host, kept))
  const refuse = `case "$*" in *"start storaged"*) [ "$(${kept})" -le ${before} ] || exit 1;; esac`
  cluster.run(host, `cp -p ${script} ${script}.whole; sed -i '1a ${refuse}' ${script}`)
  return () => void cluster.run(host, `mv ${script}.whole ${script}`)
}

/** Folders and SSTs of a space, each with its inode and, of SSTs, the time it was written. */
function filesOf({ cluster }: RestoreScene, space: number): readonly string[] {
  return cluster.storageds.flatMap(({ host, dataDirs }) =>
    cluster
      .run(
        host,
        `cd ${dataDirs[0]}/nebula/${space}
        find . -maxdepth 1 -printf '%i %p\\n'
        find . -name '*.sst' ! -path '*/checkpoints/*' -printf '%i %s %T@ %p\\n'`,
      )
      .split('\n')
      .filter(line => line !== '' && !line.includes('checkpoints'))
      .map(line => `${host} ${line}`),
  )
}
