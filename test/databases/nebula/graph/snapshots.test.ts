import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../../src/base/errors.ts'
import { quietIo } from '../../../../src/base/io.ts'
import { snapshotsByGraph } from '../../../../src/databases/nebula/graph/snapshots.ts'
import { noResult, scriptedGraph, table } from './script.ts'

const old = ['SNAPSHOT_2021_03_09_08_43_12', 'VALID', '10.0.0.1:9779, 10.0.0.2:9779']
const first = ['SNAPSHOT_2021_03_09_09_00_00', 'VALID', '10.0.0.1:9779']
const second = ['SNAPSHOT_2021_03_09_09_01_00', 'VALID', '10.0.0.1:9779']
const backup = ['BACKUP_2021_03_09_09_00_30', 'VALID', '10.0.0.1:9779']
const invalid = ['SNAPSHOT_2021_03_09_09_00_00', 'INVALID', '10.0.0.1:9779']

const failed = new BkpError('nebula.refused', 'graphd refused: RPC failure', {
  details: { name: 'E_EXECUTION_ERROR' },
})
const lost = new BkpError('nebula.outcome_unknown', 'the answer of graphd was lost')
const denied = new BkpError('nebula.refused', 'no permission', {
  details: { name: 'E_BAD_PERMISSION' },
})

/** SHOW SNAPSHOTS before and after CREATE SNAPSHOT, and what that answers. */
function graphd(after: readonly (readonly string[])[], answer?: BkpError) {
  let isMade = false
  const graph = scriptedGraph(statement => {
    if (statement === 'SHOW SNAPSHOTS') {
      return table(['Name', 'Status', 'Hosts'], old, ...(isMade ? after : []))
    }
    isMade = true
    if (answer !== undefined) throw answer
    return noResult
  })
  return { graph, snapshots: snapshotsByGraph(graph, { settings: {} }) }
}

describe('snapshots over graphd', () => {
  it('are listed', async () => {
    const { snapshots } = graphd([])
    expect(await snapshots.listSnapshots(quietIo)).toEqual([
      {
        name: 'SNAPSHOT_2021_03_09_08_43_12',
        status: 'valid',
        hosts: ['10.0.0.1:9779', '10.0.0.2:9779'],
      },
    ])
  })

  it('are made by one statement, and looked for', async () => {
    const { graph, snapshots } = graphd([first, backup])
    await snapshots.createSnapshot({}, quietIo)
    expect(graph.asked.filter(asked => asked === 'CREATE SNAPSHOT')).toHaveLength(1)
    expect(graph.asked.filter(asked => asked === 'SHOW SNAPSHOTS')).toHaveLength(2)
  })

  // graphd asks metad again when that takes longer than a minute (specs/nebula.md §3.1).
  it.each([undefined, failed, lost])(
    'that graphd made several of are all named (graphd said: %s)',
    async answer => {
      const { snapshots } = graphd([invalid, second], answer)
      await expect(snapshots.createSnapshot({}, quietIo)).rejects.toMatchObject({
        code: 'nebula.backup_failed',
        details: { snapshots: [invalid[0], second[0]] },
      })
    },
  )

  it.each([
    ['failed and left nothing', [], failed, 'nebula.backup_failed', /no snapshot is there/],
    ['failed and left a row', [invalid], failed, 'nebula.backup_failed', /\(invalid\)/],
    ['was lost', [], lost, 'nebula.outcome_unknown', /no new snapshot is listed yet/],
    ['was lost, and it is there', [first], lost, 'nebula.outcome_unknown', /\(valid\)/],
    ['succeeded without one', [], undefined, 'nebula.backup_failed', /no snapshot is there/],
    ['succeeded with an INVALID one', [invalid], undefined, 'nebula.backup_failed', /invalid/],
  ] as const)('whose statement %s are told so', async (_, after, answer, code, says) => {
    const { graph, snapshots } = graphd(after, answer)
    await expect(snapshots.createSnapshot({}, quietIo)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(says),
    })
    expect(graph.asked.filter(asked => asked === 'CREATE SNAPSHOT')).toHaveLength(1)
  })

  it('that we may not make are not looked for', async () => {
    const { snapshots } = graphd([first], denied)
    await expect(snapshots.createSnapshot({}, quietIo)).rejects.toBe(denied)
  })

  it('are dropped when they are there', async () => {
    const { graph, snapshots } = graphd([])
    expect(await snapshots.dropSnapshot('SNAPSHOT_2021_03_09_08_43_12', quietIo)).toBe('dropped')
    expect(graph.asked).toContain('DROP SNAPSHOT SNAPSHOT_2021_03_09_08_43_12')
    expect(await snapshots.dropSnapshot('SNAPSHOT_2020_01_01_00_00_00', quietIo)).toBe('absent')
  })
})
