import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NebulaOptions, NebulaService } from '../servers/nebula/contract.ts'
import { callThrift } from '../servers/nebula/thrift-call.ts'
import { explain, type Outcome } from '../slice/bkp.ts'
import {
  dropOutside,
  expectNothingLeft,
  failureOf,
  type NebulaScene,
  playbookOf,
  requireDone,
  startScene,
  tidyUp,
} from './scene.ts'

/** Snapshots made and collected on a cluster; `when` says how much of it. */
export function snapshotCases(options: NebulaOptions, when: 'by day' | 'at night'): void {
  const { generation, version } = options
  describe(`playbooks/nebula/snapshot.yml and snapshot-gc.yml with ${version ?? generation}`, () => {
    let scene: NebulaScene
    beforeAll(async () => {
      scene = await startScene(options)
    })
    beforeEach(async () => await tidyUp(scene))
    afterEach(async () => {
      await scene.cluster.write('basketball', 0)
      await scene.cluster.clearFaults()
      await scene.cluster.settled()
    })
    afterAll(async () => await scene?.stop())

    const make = (ran = scene.play('snapshot')) => {
      requireDone(ran.outcome)
      const made = ran.results['nebula.create_snapshot']
      return { name: String(made?.['name']), hosts: made?.['hosts'] as readonly string[] }
    }
    /** Collects; what was said of it. */
    const collect = (
      variables: Readonly<Record<string, unknown>>,
      ran = scene.play('snapshot-gc', variables, '--confirm=graph'),
    ) => {
      requireDone(ran.outcome)
      return ran.results['nebula.gc_snapshots'] as {
        readonly dropped: readonly string[]
        readonly removed: readonly { readonly host: string; readonly path: string }[]
        readonly lines: readonly string[]
      }
    }
    const plan = (variables: Readonly<Record<string, unknown>>): Outcome =>
      scene.bkp('plan', playbookOf('snapshot-gc'), '-e', JSON.stringify(variables))
    /** Makes what is left of a name old on all hosts, as if it had been there for two hours. */
    const age = (name: string): void => {
      for (const { name: host } of scene.cluster.hosts.hosts) {
        const { dataDir } = scene.cluster
        scene.cluster.run(
          host,
          `find ${dataDir} -path '*/checkpoints/${name}' -exec touch -d '2 hours ago' {} +`,
        )
      }
    }
    const first = (): NebulaService => {
      const [storaged] = scene.cluster.storageds
      if (storaged === undefined) throw new Error('no storaged')
      return storaged
    }

    it('makes snapshots while rows are written, and keeps the newest', async () => {
      const { cluster } = scene
      const old = make(await scene.playAsPlanned('snapshot'))
      await cluster.write('basketball', 5)
      const kept = make()
      await cluster.write('basketball', 0)
      expect([...new Set([...old.hosts, ...kept.hosts])].sort()).toEqual(
        [...new Set(cluster.storageds.map(({ host }) => host))].sort(),
      )
      expect(await cluster.blocked()).toEqual([])
      expect((await cluster.snapshots()).map(({ name, valid }) => [name, valid])).toEqual([
        [old.name, true],
        [kept.name, true],
      ])

      const shown = plan({ keep: 1 })
      requireDone(shown)
      expect(shown.stdout).toContain(`dropSnapshot ${old.name}`)
      expect(shown.stdout).not.toContain(`dropSnapshot ${kept.name}`)
      const changes = JSON.parse(
        scene.bkp('plan', playbookOf('snapshot-gc'), '-e', '{"keep": 1}', '--json').stdout,
      ) as unknown
      expect(JSON.stringify(changes)).toMatch(/"destructive":true/)
      const refused = scene.bkp('run', playbookOf('snapshot-gc'), '-e', '{"keep": 1}')
      expect(refused.status, explain(refused)).toBe(8)
      expect(await cluster.snapshots()).toHaveLength(2)

      const keep = { keep: 1 }
      const collected = await scene.playAsPlanned('snapshot-gc', keep, '--confirm=graph')
      expect(collect(keep, collected).dropped).toEqual([old.name])
      expect((await cluster.snapshots()).map(({ name }) => name)).toEqual([kept.name])
      expect(collect({ keep: 0 }).dropped).toEqual([kept.name])
      await expectNothingLeft(scene)
    })

    it('removes folders of a storaged that was down during DROP, once they are old', async () => {
      const { cluster } = scene
      const { name } = make()
      await cluster.stopServices(first())
      await dropOutside(scene, name)
      await cluster.start(first())
      await cluster.settled()
      const left = await cluster.leftovers()
      // No DROP of 2.1 to 2.6 removes logs below --wal_path, on no host.
      const ofData = left.filter(text => !text.includes('/wal-disk/'))
      expect(ofData.length).toBeGreaterThan(0)
      expect(ofData.every(text => text.startsWith(`${first().host}:`))).toBe(true)
      // They may still be made.
      expect(collect({}).lines).toContainEqual(expect.stringContaining(`${name}: not listed`))
      expect(await cluster.leftovers()).toEqual(left)
      age(name)
      expect(plan({}).stdout).toContain(`checkpoints/${name}`)
      const { removed } = collect({})
      expect(removed.map(({ host, path }) => `${host}:${path}`).sort()).toEqual([...left].sort())
      await expectNothingLeft(scene)
    })

    it('tidies up after a snapshot that failed', async () => {
      const { cluster } = scene
      await cluster.fault(first(), {
        method: 'createCheckpoint',
        code: 'E_FAILED_TO_CHECKPOINT',
      })
      const ran = scene.play('snapshot')
      expect(ran.outcome.status, explain(ran.outcome)).toBe(2)
      expect(failureOf(ran, 'nebula.create_snapshot')).toContain('which it left, is dropped')
      await expectNothingLeft(scene)
    })

    if (when === 'by day') return

    it('drops INVALID rows that others left, once they are old', async () => {
      const { cluster } = scene
      await cluster.fault(first(), { method: 'createCheckpoint', code: 'E_FAILED_TO_CHECKPOINT' })
      await callThrift((await cluster.leader()).address, 'createSnapshot', {})
      const [row] = await cluster.snapshots()
      expect(row?.valid).toBe(false)
      const name = row?.name ?? ''
      if ((await cluster.leftovers()).length > 1) {
        expect(collect({}).dropped).toEqual([])
        age(name)
      }
      expect(collect({}).dropped).toEqual([name])
      await expectNothingLeft(scene)
    })

    it.skipIf((options.metads ?? 1) < 3)(
      'removes the meta of a snapshot from the metad that led when it was made',
      async () => {
        const { cluster } = scene
        const { name } = make()
        const former = await cluster.leader()
        const next = cluster.metads.find(({ address }) => address !== former.address)
        if (next === undefined) throw new Error('one metad only')
        await cluster.stepDown({ to: next })
        expect((await cluster.leader()).address).toBe(next.address)
        await cluster.settled()
        const { removed } = collect({ keep: 0 })
        // Those of storageds are DROP's: one that it did not reach in time is removed, too.
        expect(removed.filter(({ path }) => !path.includes(`/checkpoints/${name}`))).toEqual([])
        const ofMetads = removed.filter(({ path }) => path.includes('/nebula/0/checkpoints/'))
        expect(ofMetads.map(({ host }) => host)).toEqual([former.host])
        await expectNothingLeft(scene)
      },
    )
  })
}
