import { describe, expect, it } from 'vitest'
import { jobs } from '../../../src/modules/nebula/jobs.ts'
import { scriptedGraph, jobs as showJobs } from '../../databases/nebula/graph/script.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { siteWithGraph } from './graph-scene.ts'

/** SHOW JOBS of a space in which COMPACT runs for so many looks. */
function graphd(looks: number) {
  let left = looks
  return scriptedGraph(statement => {
    if (statement !== 'nba: SHOW JOBS') return showJobs()
    left -= 1
    return left >= 0
      ? showJobs([8n, 'STATS', 'QUEUE'], [7n, 'COMPACT', 'RUNNING'])
      : showJobs([7n, 'COMPACT', 'FINISHED'])
  })
}

describe('nebula.jobs', () => {
  it('tells jobs that run, and which refuse a backup', async () => {
    const decision = await planAt(siteWithGraph(graphd(1)), jobs, { cluster: 'graph' })
    expect(decision).toMatchObject({
      kind: 'unchanged',
      message: 'COMPACT 7 of nba (RUNNING)',
      result: {
        asked: true,
        jobs: [
          { id: '8', command: 'STATS', refuses_backup: false },
          { id: '7', command: 'COMPACT', refuses_backup: true },
        ],
        refusing: ['COMPACT 7 of nba (RUNNING)'],
      },
    })
  })

  it('waits until none stands in the way', async () => {
    const args = { cluster: 'graph', wait: '10m' }
    const result = await applyAt(siteWithGraph(graphd(5)), jobs, args)
    expect(result.refusing).toEqual([])
    expect(result.jobs.map(({ command }) => command)).toEqual(['STATS'])
  })

  it('does not wait where nothing stands in the way', async () => {
    const args = { cluster: 'graph', wait: '10m' }
    expect((await planAt(siteWithGraph(graphd(0)), jobs, args)).kind).toBe('unchanged')
  })

  it('gives up after its time and names the jobs', async () => {
    const failure = applyAt(siteWithGraph(graphd(10_000)), jobs, { cluster: 'graph', wait: '1m' })
    await expect(failure).rejects.toMatchObject({
      code: 'nebula.not_ready',
      message: expect.stringContaining('COMPACT 7 of nba (RUNNING)'),
    })
  })

  it('says that nobody was asked where there is no graphd', async () => {
    const decision = await planAt(siteWithGraph(), jobs, { cluster: 'graph', wait: '1m' })
    expect(decision).toMatchObject({
      kind: 'unchanged',
      message: 'graph has no graphd in the inventory: its jobs are not known',
      result: { asked: false, warnings: [expect.stringContaining('no graphd')] },
    })
  })
})
