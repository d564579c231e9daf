import { expect, it } from 'vitest'
import type { Generation } from '../../src/databases/nebula/contract.ts'
import { eventsOf } from '../plans/truth.ts'
import type { NebulaService } from '../servers/nebula/contract.ts'
import type { Outcome } from '../slice/bkp.ts'
import { runAsPlanned } from './plan-truth.ts'
import { killAt } from './restore-kills.ts'
import { plannedOf, type RestoreScene, requireStatus } from './restore-scene.ts'
import { cutOff } from './scene.ts'

interface SnapshotRestoreCases<Contents> {
  readonly generation: Generation
  /** Also what takes longer: bkp killed around ADD HOSTS. */
  readonly isNight: boolean
  graph(): RestoreScene
  contents(): Promise<Contents>
}

/** Going back to a snapshot of a cluster that has one storaged more by then: its scene has spares, two at night. */
export function snapshotRestoreCases<Contents>(cases: SnapshotRestoreCases<Contents>): void {
  const { generation, isNight, graph, contents } = cases
  /** Since 3.0 metads answer only those that are registered; before that ADD HOSTS is nothing. */
  const registers = generation.startsWith('3')

  it('goes back to a snapshot with storageds, one that it does not know, and all metads', async () => {
    const { cluster } = graph()
    const before = await contents()
    const { snapshot, added } = await outgrow(graph())
    await cluster.addRows('basketball', 50)
    await cluster.createSpace({ name: 'latest', rows: 10 })
    expect(await cluster.partitionHosts()).toContain(added.address)
    const latest = await cluster.spaceId('latest')
    const back = plannedOf(graph(), 'snapshot-restore', { snapshot })
    const outcome = await runAsPlanned(back)
    requireStatus(outcome, 0)
    await cluster.settled()
    expect(registeredIn(outcome)).toEqual(registers ? ['changed', [added.address]] : ['ok', []])
    expect(await contents()).toEqual(before)
    await expect(cluster.spaceId('latest')).rejects.toThrow('no space latest')
    // 2.0 forgets in a restore which ids were used: this one is that of a space that was restored.
    for (const { host, dataDirs } of generation === '2.0' ? [] : cluster.storageds) {
      const [dir = ''] = dataDirs
      expect(cluster.run(host, `find ${dir}/nebula/${latest} -name '*.sst'`)).toBe('')
    }
    expect(new Set(metaTables(graph())).size).toBe(1)
  })

  it.runIf(isNight && registers)(
    'knows it again where bkp was killed, aborted or resumed',
    async () => {
      const { bkp, cluster, name } = graph()
      const before = await contents()
      const { snapshot } = await outgrow(graph())
      await cluster.addRows('cars', 7)
      const now = await contents()
      const points = [
        { at: 'Start storageds', next: 'abort', held: now },
        { at: 'Register storageds', next: 'resume', held: before },
      ]
      for (const { at, next, held } of points) {
        await killAt(graph(), at, 'snapshot-restore', { snapshot })
        requireStatus(bkp(next, cutOff(graph()), `--confirm=${name}`), 0)
        await cluster.settled()
        expect(cluster.services.filter(service => !cluster.isRunning(service))).toEqual([])
        expect(await contents()).toEqual(held)
      }
    },
  )
}

/** Makes a snapshot, and adds a storaged that is not in it. */
async function outgrow(
  graph: RestoreScene,
): Promise<{ readonly snapshot: string; readonly added: NebulaService }> {
  requireStatus(graph.play('snapshot'), 0)
  const names = (await graph.cluster.snapshots()).map(({ name }) => name)
  return { snapshot: names.sort().at(-1) ?? '', added: await graph.join() }
}

/** How nebula.add_hosts ended, and whom it registered. */
function registeredIn(outcome: Outcome): readonly unknown[] {
  return eventsOf({ ...outcome, status: outcome.status ?? 1 }).flatMap(event =>
    event.event === 'step.finished' && event.module === 'nebula.add_hosts'
      ? [event.status, (event.result as { readonly registered: unknown }).registered]
      : [],
  )
}

/** A sum of each metad's tables. */
function metaTables({ cluster }: RestoreScene): readonly string[] {
  return cluster.metads.map(({ host, dataDirs }) =>
    cluster.run(host, `ldb --db=${dataDirs[0]}/nebula/0/data --hex scan | sha256sum`),
  )
}
