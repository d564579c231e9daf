import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../../src/base/errors.ts'
import { quietIo } from '../../../../src/base/io.ts'
import type { Fingerprint } from '../../../../src/databases/nebula/backup-metadata.ts'
import {
  compareFingerprints,
  describeDifferences,
} from '../../../../src/databases/nebula/graph/compare.ts'
import {
  lastFingerprint,
  takeFingerprint,
} from '../../../../src/databases/nebula/graph/fingerprint.ts'
import { readStats } from '../../../../src/databases/nebula/graph/stats.ts'
import { instantClock } from './clock.ts'
import { job, type Script, scriptedGraph, stats, table } from './script.ts'

const nba: Fingerprint = {
  vertices: 51,
  edges: 81,
  tags: { player: 51 },
  edgeTypes: { follow: 81 },
}

describe('a fingerprint', () => {
  const script =
    (statuses: string[]): Script =>
    statement => {
      if (statement.endsWith('SUBMIT JOB STATS')) return table(['New Job Id'], [98n])
      if (statement.endsWith('SHOW JOB 98')) return job(98n, statuses.shift() ?? 'FINISHED')
      return stats(51n, 81n)
    }
  const options = (timeoutMs = 60_000) => ({
    spaces: ['nba', 'docs'],
    timeoutMs,
    clock: instantClock(),
  })

  it('is counted anew in every space, when its job has finished', async () => {
    const graph = scriptedGraph(script(['QUEUE', 'RUNNING']))
    expect(await takeFingerprint(graph, options(), quietIo)).toEqual({ nba, docs: nba })
    expect(graph.asked).toEqual([
      'nba: SUBMIT JOB STATS',
      'docs: SUBMIT JOB STATS',
      'nba: SHOW JOB 98',
      'nba: SHOW JOB 98',
      'nba: SHOW JOB 98',
      'docs: SHOW JOB 98',
      'nba: SHOW STATS',
      'docs: SHOW STATS',
      'close',
    ])
  })

  it('is none when the job fails, and old counts are not taken for it', async () => {
    const graph = scriptedGraph(script(['RUNNING', 'FAILED']))
    await expect(takeFingerprint(graph, options(), quietIo)).rejects.toMatchObject({
      code: 'nebula.not_ready',
      message: 'job 98 of space nba is FAILED',
    })
    expect(graph.asked).not.toContain('nba: SHOW STATS')
    expect(graph.asked.at(-1)).toBe('close')
  })

  it('is none when the job does not end in time', async () => {
    const graph = scriptedGraph(script(Array.from({ length: 100 }, () => 'RUNNING')))
    await expect(takeFingerprint(graph, options(30_000), quietIo)).rejects.toMatchObject({
      code: 'nebula.not_ready',
      message: 'job 98 of space nba is RUNNING after 30s',
    })
  })

  it('that is there already is read without a job; a space may have none', async () => {
    const graph = scriptedGraph(statement => {
      if (statement.startsWith('nba')) return stats(51n, 81n)
      throw new BkpError('nebula.refused', 'There is no any stats info to show', {
        details: { name: 'E_EXECUTION_ERROR' },
      })
    })
    expect(await lastFingerprint(graph, ['nba', 'docs'], quietIo)).toEqual({ nba })
  })

  it.each([
    table(['Type', 'Name']),
    table(['Type', 'Name', 'Count'], ['Tag', 'player', 51n]),
    table(['Type', 'Name', 'Count'], ['Space', 'vertices', -1n]),
    table(['Type', 'Name', 'Count'], ['Space', 'vertices', 'many']),
  ])('is not made of what is no such table', found => {
    expect(() => readStats(found)).toThrow(/SHOW STATS/)
  })
})

describe('comparing fingerprints', () => {
  it('finds nothing where all is as it was, and looks only at what is expected', () => {
    expect(compareFingerprints({ nba }, { nba, other: nba })).toEqual([])
  })

  it('shows each count that differs, in columns', () => {
    const found = {
      nba: { vertices: 50, edges: 81, tags: { player: 50 }, edgeTypes: { follow: 81, serve: 0 } },
    }
    const lines = describeDifferences(compareFingerprints({ nba }, found))
    expect(lines).toEqual([
      'nba  vertices    expected 51    found 50  (-1)',
      'nba  tag player  expected 51    found 50  (-1)',
      'nba  edge serve  expected none  found 0',
    ])
  })

  it('misses a space that is gone, whole', () => {
    expect(compareFingerprints({ nba }, { nba: undefined })).toEqual([
      { space: 'nba', what: 'vertices', expected: 51, found: undefined },
      { space: 'nba', what: 'edges', expected: 81, found: undefined },
      { space: 'nba', what: 'tag player', expected: 51, found: undefined },
      { space: 'nba', what: 'edge follow', expected: 81, found: undefined },
    ])
  })

  it('lets counts differ by a share where that is allowed', () => {
    const found = { nba: { ...nba, vertices: 54, tags: { player: 54 } } }
    expect(compareFingerprints({ nba }, found, 0.06)).toEqual([])
    expect(compareFingerprints({ nba }, found, 0.05)).toHaveLength(2)
  })
})
