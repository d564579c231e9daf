import { describe, expect, it } from 'vitest'
import { quietIo } from '../../../../src/base/io.ts'
import { refusesBackup, runningJobs } from '../../../../src/databases/nebula/graph/jobs.ts'
import { jobs, scriptedGraph, table } from './script.ts'

describe('jobs', () => {
  const script = scriptedGraph(statement =>
    statement.startsWith('nba')
      ? jobs(
          [7n, 'REBUILD_TAG_INDEX', 'RUNNING'],
          [6n, 'STATS', 'FINISHED'],
          [5n, 'COMPACT', 'QUEUE'],
        )
      : jobs([7n, 'REBUILD_TAG_INDEX', 'RUNNING']),
  )

  it('of a space that have not ended are told, and which of them refuse a backup', async () => {
    const session = await script.openReader(quietIo)
    const found = await runningJobs(session, ['nba'], { generation: '3.0' }, quietIo)
    expect(found).toEqual([
      {
        id: 7n,
        command: 'REBUILD_TAG_INDEX',
        status: 'RUNNING',
        spaces: ['nba'],
        refusesBackup: true,
      },
      { id: 5n, command: 'COMPACT', status: 'QUEUE', spaces: ['nba'], refusesBackup: false },
    ])
  })

  it.each([
    ['2.1', 2],
    ['3.3', 3],
  ] as const)('of %s that several spaces list are one up to 2.x', async (generation, count) => {
    const session = await script.openReader(quietIo)
    const found = await runningJobs(session, ['nba', 'docs'], { generation }, quietIo)
    expect(found).toHaveLength(count)
    if (generation === '2.1') expect(found[0]?.spaces).toEqual(['nba', 'docs'])
  })

  it('are not read from what is no such table', async () => {
    const session = await scriptedGraph(() => table(['Job Id'], [1n])).openReader(quietIo)
    await expect(runningJobs(session, ['nba'], { generation: '3.3' }, quietIo)).rejects.toThrow(
      /SHOW JOBS has no column "Command"/,
    )
  })

  // specs/nebula.md §2.0, step 2
  it.each([
    ['REBUILD_TAG_INDEX', { generation: '2.0' }, true],
    ['REBUILD_EDGE_INDEX', { generation: '2.1' }, true],
    ['COMPACT', { generation: '2.1' }, false],
    ['COMPACT', { generation: '3.3', version: '3.3.0' }, false],
    ['COMPACT', { generation: '3.3', version: '3.4.0' }, true],
    ['COMPACT', { generation: '3.3', version: 'v3.8.0' }, true],
    ['LEADER_BALANCE', { generation: '3.3' }, true],
    ['STATS', { generation: '3.3', version: '3.8.0' }, false],
    ['FLUSH', { generation: '3.3', version: '3.8.0' }, false],
  ] as const)('%s of %j refuses a backup: %s', (command, version, refuses) => {
    expect(refusesBackup(command, version)).toBe(refuses)
  })
})
