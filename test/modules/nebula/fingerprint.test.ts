import { describe, expect, it } from 'vitest'
import { fingerprint } from '../../../src/modules/nebula/fingerprint.ts'
import { job, scriptedGraph, stats, table } from '../../databases/nebula/graph/script.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { siteWithGraph } from './graph-scene.ts'

const graphd = (vertices: bigint) =>
  scriptedGraph(statement => {
    if (statement.endsWith('SUBMIT JOB STATS')) return table(['New Job Id'], [1n])
    if (statement.endsWith('SHOW JOB 1')) return job(1n, 'FINISHED')
    return stats(vertices, 81n)
  })

const counted = (vertices: number) => ({
  vertices,
  edges: 81,
  tags: { player: vertices },
  edgeTypes: { follow: 81 },
})

describe('nebula.fingerprint', () => {
  it('counts all spaces anew, and changes nothing', async () => {
    const graph = graphd(51n)
    const site = siteWithGraph(graph)
    const decision = await planAt(site, fingerprint, { cluster: 'graph' })
    expect(decision).toMatchObject({ kind: 'change', changesNothing: true })
    expect(graph.asked).toEqual([])
    expect(await applyAt(site, fingerprint, { cluster: 'graph' })).toEqual({
      counted: true,
      spaces: { nba: counted(51), docs: counted(51) },
      warnings: [],
    })
    expect(site.closed()).toBe(3)
  })

  it('takes the counts of the newest job where that is asked for', async () => {
    const graph = graphd(51n)
    const args = { cluster: 'graph', spaces: ['nba'], refresh: false }
    expect((await applyAt(siteWithGraph(graph), fingerprint, args)).spaces).toEqual({
      nba: counted(51),
    })
    expect(graph.asked).toEqual(['nba: SHOW STATS', 'close'])
  })

  it('fails with a table where a space holds something else, or is gone', async () => {
    const expect_ = { nba: counted(52), gone: counted(1), docs: null }
    const failure = applyAt(siteWithGraph(graphd(51n)), fingerprint, {
      cluster: 'graph',
      expect: expect_,
    })
    await expect(failure).rejects.toMatchObject({
      code: 'nebula.data_differs',
      message: [
        'graph does not hold what it should:',
        '  gone  vertices     expected 1   found none',
        '  gone  edges        expected 81  found none',
        '  gone  tag player   expected 1   found none',
        '  gone  edge follow  expected 81  found none',
        '  nba   vertices     expected 52  found 51    (-1)',
        '  nba   tag player   expected 52  found 51    (-1)',
      ].join('\n'),
    })
  })

  it('lets counts differ by the tolerance', async () => {
    const args = { cluster: 'graph', expect: { nba: counted(52) }, tolerance: 0.05 }
    const { spaces } = await applyAt(siteWithGraph(graphd(51n)), fingerprint, args)
    expect(Object.keys(spaces)).toEqual(['nba'])
  })

  it('says that nothing was counted where there is no graphd', async () => {
    const decision = await planAt(siteWithGraph(), fingerprint, {
      cluster: 'graph',
      expect: { nba: counted(51) },
    })
    const warning = 'graph has no graphd in the inventory: vertices and edges were not counted'
    expect(decision).toEqual({
      kind: 'unchanged',
      message: warning,
      result: { counted: false, spaces: {}, warnings: [warning] },
    })
  })

  it('knows which spaces there are', async () => {
    const args = { cluster: 'graph', spaces: ['nbaa'] }
    await expect(planAt(siteWithGraph(graphd(1n)), fingerprint, args)).rejects.toMatchObject({
      code: 'nebula.space_not_found',
      hint: 'did you mean "nba"?',
    })
  })
})
