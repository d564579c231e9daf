import { describe, expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import type { MetaClient, ServiceHost } from '../../../src/databases/nebula/contract.ts'
import { health } from '../../../src/modules/nebula/health.ts'
import { fakeHost, files } from '../../databases/nebula/fake-host.ts'
import { job, scriptedGraph, stats, table } from '../../databases/nebula/graph/script.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { confs, fakeMeta, nebulaSite, patientClock, row, wholeCluster } from './scene.ts'

const hosts = [
  fakeHost('m1', files(confs.m1)),
  fakeHost('s1', files(confs.s1)),
  fakeHost('s2', files(confs.s2)),
]
const clusterArgs = { cluster: 'graph', timeout: '60s' }

/** The cluster with one storaged replaced. */
function withSecond(second: ServiceHost | undefined) {
  const [first] = wholeCluster.storageds
  if (first === undefined) throw new Error('no storaged')
  return { ...wholeCluster, storageds: second === undefined ? [first] : [first, second] }
}

/** What is missing when the time is over. */
async function missing(meta: MetaClient, args: object = {}): Promise<readonly string[]> {
  const clock = patientClock()
  try {
    await applyAt(nebulaSite({ hosts, meta, clock }), health, { ...clusterArgs, ...args })
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.not_ready') throw error
    expect(clock.spentMs()).toBeGreaterThanOrEqual(60_000)
    expect(clock.spentMs()).toBeLessThan(70_000)
    return error.details['missing'] as readonly string[]
  }
  return []
}

describe('nebula.health', () => {
  test('is a wait that changes nothing', async () => {
    const decision = await planAt(nebulaSite({ hosts }), health, clusterArgs)
    expect(decision).toMatchObject({ kind: 'change', changesNothing: true })
  })

  test('ends at once where nothing is missing', async () => {
    const result = await applyAt(nebulaSite({ hosts }), health, { ...clusterArgs, spaces: ['nba'] })
    expect(result).toEqual({
      waited: 0,
      generation: '3.3',
      version: '3.8.0',
      leader: '10.0.0.1:9559',
      metads: 1,
      storageds: 2,
      spaces: [{ name: 'nba', partitions: 3 }],
      warnings: [],
    })
  })

  test('waits for an election, and for storageds that come one after the other', async () => {
    let looks = 0
    const meta = fakeMeta(wholeCluster, {
      leader: async () => {
        looks += 1
        if (looks < 3) throw new BkpError('nebula.no_leader', 'the metads have no leader')
        return { host: '10.0.0.1', port: 9559 }
      },
      listHosts: async type => {
        if (type === 'meta') return wholeCluster.metads
        if (type === 'graph') return wholeCluster.graphds
        const off = row('10.0.0.3:9779', { role: 'storage', status: 'offline' })
        return looks < 5 ? withSecond(off).storageds : wholeCluster.storageds
      },
    })
    const result = await applyAt(nebulaSite({ hosts, meta }), health, clusterArgs)
    expect(result.waited).toBe(8)
  })

  test('says at the end all that is missing', async () => {
    const offline = row('10.0.0.3:9779', {
      role: 'storage',
      status: 'offline',
      parts: { nba: [1, 2] },
      leaderParts: {},
    })
    const meta = fakeMeta(withSecond(offline), {
      metaDirectories: async () => {
        throw new BkpError('nebula.unreachable', 'connection refused')
      },
    })
    expect(await missing(meta, { spaces: ['nba', 'gods'] })).toEqual([
      'm1: metad 10.0.0.1:9559 does not answer (connection refused)',
      's2: storaged 10.0.0.3:9779 is offline',
      'space nba: no leader of partition 2 (of 3)',
      'space nba: fewer than 2 copies of partition 3',
      'space gods is not there',
    ])
  })

  test('misses a storaged that the metads do not know, and finds a space that nobody expects', async () => {
    const found = await missing(fakeMeta(withSecond(undefined)), { spaces: [] })
    expect(found).toContain('s2: storaged 10.0.0.3:9779 is not known to the metads')
    expect(found).toContain('space nba is not expected')
  })

  test('misses a leader where there is none', async () => {
    const meta = fakeMeta(wholeCluster, {
      version: async () => {
        throw new BkpError('nebula.no_leader', 'the metads have no leader')
      },
    })
    expect(await missing(meta)).toEqual(['the metads have no leader'])
  })

  test('takes an old host that holds nothing for no fault, and one with partitions for one', async () => {
    const old = row('10.0.0.9:9779', { role: 'storage', status: 'offline' })
    const [first, second] = wholeCluster.storageds
    if (first === undefined || second === undefined) throw new Error('no storaged')
    const meta = fakeMeta({ ...wholeCluster, storageds: [first, second, old] })
    const result = await applyAt(nebulaSite({ hosts, meta }), health, clusterArgs)
    expect(result.warnings).toEqual([expect.stringMatching(/10\.0\.0\.9:9779.*DROP HOSTS/)])
    const holds = { ...old, parts: { nba: [1] } }
    const broken = fakeMeta({ ...wholeCluster, storageds: [first, second, holds] })
    expect(await missing(broken)).toEqual(['storaged 10.0.0.9:9779 has partitions and is offline'])
  })

  test('ends a look that hangs when the time is over', async () => {
    const meta = fakeMeta(wholeCluster, {
      leader: io =>
        new Promise((_, reject) => {
          io.signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    })
    const clock = patientClock()
    const waiting = applyAt(nebulaSite({ hosts, meta, clock }), health, clusterArgs)
    const outcome = expect(waiting).rejects.toMatchObject({
      code: 'nebula.not_ready',
      message: expect.stringContaining('do not answer in time'),
    })
    // The first look hangs; somebody else's waiting lets the time pass.
    for (let spent = 0; spent < 62_000; spent += 2000) {
      await new Promise(resolve => setImmediate(resolve))
      await clock.sleep(2000)
    }
    await outcome
  })

  test('does not wait for what time does not mend', async () => {
    const meta = fakeMeta(wholeCluster, {
      version: async () => {
        throw new BkpError('nebula.version', 'a version nobody knows')
      },
    })
    await expect(applyAt(nebulaSite({ hosts, meta }), health, clusterArgs)).rejects.toMatchObject({
      code: 'nebula.version',
    })
  })

  test('fails with all counts that differ, as nebula.fingerprint does', async () => {
    const graph = scriptedGraph(statement => {
      if (statement.endsWith('SUBMIT JOB STATS')) return table(['New Job Id'], [1n])
      return statement.endsWith('SHOW JOB 1') ? job(1n, 'FINISHED') : stats(51n, 81n)
    })
    const meta = fakeMeta(wholeCluster, { graph })
    const counts = { edges: 81, tags: { player: 51 }, edgeTypes: { follow: 81 } }
    const check = async (vertices: number) =>
      await applyAt(nebulaSite({ hosts, meta }), health, {
        ...clusterArgs,
        fingerprint: { nba: { ...counts, vertices } },
      })
    await expect(check(52)).rejects.toMatchObject({
      code: 'nebula.data_differs',
      message: 'graph does not hold what it should:\n  nba  vertices  expected 52  found 51  (-1)',
    })
    expect((await check(51)).storageds).toBe(2)
  })

  test('cannot compare counts without a graphd', async () => {
    const fingerprint = { nba: { vertices: 1, edges: 1, tags: {}, edgeTypes: {} } }
    await expect(
      applyAt(nebulaSite({ hosts }), health, { ...clusterArgs, fingerprint }),
    ).rejects.toThrow(/cannot be counted without a graphd/)
    const none = { nba: null }
    const result = await applyAt(nebulaSite({ hosts }), health, {
      ...clusterArgs,
      fingerprint: none,
    })
    expect(result.leader).toBe('10.0.0.1:9559')
  })
})
