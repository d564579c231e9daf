import { describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { dropSnapshot } from '../../../src/modules/nebula/drop-snapshot.ts'
import { snapshots } from '../../../src/modules/nebula/snapshots.ts'
import { errorOf } from '../../connection/support.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { type CheckpointScene, checkpointScene } from './checkpoint-scene.ts'

const name = 'BACKUP_2026_11_20_10_00_00'
const other = 'BACKUP_2026_11_20_11_00_00'
const args = { cluster: 'graph', name }
const empty = { snapshots: [], on_disk: [] }

/** A cluster with that backup. */
function withBackup(): CheckpointScene {
  const scene = checkpointScene()
  scene.put(name)
  return scene
}

describe('nebula.drop_snapshot', () => {
  it('drops once, and has nothing to do afterwards', async () => {
    const scene = withBackup()
    expect(await applyAt(scene.site, dropSnapshot, args)).toMatchObject({ name, row: 'dropped' })
    expect(scene.folders(name)).toEqual([])
    expect(await applyAt(scene.site, dropSnapshot, args)).toMatchObject({ name, row: 'absent' })
    expect(scene.calls).toEqual([`dropSnapshot ${name}`])
  })

  it('shows every folder that would go, and calls it destructive', async () => {
    const decision = await planAt(withBackup().site, dropSnapshot, args)
    if (decision.kind !== 'change') throw new Error('nothing to do')
    expect(decision.changes.map(({ action, host }) => [action, host])).toEqual([
      ['call', undefined],
      ['delete', 's1'],
      ['delete', 's1'],
      ['delete', 's2'],
      ['delete', 's2'],
      ['delete', 'm1'],
    ])
    expect(decision.changes.every(({ destructive }) => destructive === true)).toBe(true)
  })

  it('removes by hand what DROP leaves, and nothing of another name', async () => {
    const scene = withBackup()
    scene.put(other, 'none')
    const before = scene.folders(other)
    // Its storageds were away: the row goes, the folders stay.
    scene.rows.length = 0
    const { removed } = await applyAt(scene.site, dropSnapshot, args)
    expect(removed.map(({ host, path }) => `${host}:${path}`).sort()).toEqual(
      ['m1:/data/meta/nebula/0', 's1:/d1/nebula/1', 's1:/d2/nebula/1', 's2:/d1/nebula/1']
        .map(folder => `${folder}/checkpoints/${name}`)
        .concat(`s2:/d2/nebula/1/checkpoints/${name}`),
    )
    expect([scene.folders(name), scene.folders(other)]).toEqual([[], before])
  })

  it('stays owed while a host cannot be reached, unless that host may be missing', async () => {
    const scene = withBackup()
    scene.hosts.s2.isUp = false
    const error = await errorOf(applyAt(scene.site, dropSnapshot, args))
    expect(error).toMatchObject({ code: 'nebula.not_ready', details: { result: { name } } })
    expect(error.message).toContain('s2')
    expect(error.hint).toContain('allow_missing')
    // Again: the row is gone by now, but that host may still have its files.
    await expect(applyAt(scene.site, dropSnapshot, args)).rejects.toThrow('s2')
    const allowed = { ...args, allow_missing: ['s2'] }
    expect(await applyAt(scene.site, dropSnapshot, allowed)).toMatchObject({ row: 'absent' })
    scene.hosts.s2.isUp = true
    expect(await applyAt(scene.site, dropSnapshot, args)).toMatchObject({ row: 'absent' })
    expect(scene.folders(name)).toEqual([])
  })

  it('has nothing to do where the step that made it has undone itself', async () => {
    const scene = withBackup()
    const created = { created_by: { failed: true, settled: true }, since: empty }
    const decision = await planAt(scene.site, dropSnapshot, { cluster: 'graph', ...created })
    expect(decision.kind).toBe('unchanged')
  })

  it('drops the one that is new where no name is known, and lifts writes where it is not whole', async () => {
    for (const status of ['valid', 'invalid'] as const) {
      const scene = checkpointScene()
      scene.put(name)
      const since = await applyAt(scene.site, snapshots, { cluster: 'graph' })
      scene.put(other, status)
      const dropped = await applyAt(scene.site, dropSnapshot, { cluster: 'graph', since })
      expect(dropped).toMatchObject({ name: other, row: 'dropped', lifted: status === 'invalid' })
      expect(scene.rows.map(row => row.name)).toEqual([name])
    }
  })

  it('drops none of several candidates, and names them', async () => {
    const scene = withBackup()
    scene.put(other)
    const since = { cluster: 'graph', since: empty }
    const error = await errorOf(applyAt(scene.site, dropSnapshot, since))
    expect(error).toMatchObject({
      code: 'nebula.not_ready',
      details: { result: { candidates: [name, other] } },
    })
    expect(error.message).toContain(`${name}, ${other}`)
    expect(scene.rows).toHaveLength(2)
  })

  it.each(['../../etc', `${name}/../..`, 'nba', ''])(
    'takes no path from a step that registered %j as its name',
    async hostile => {
      const scene = withBackup()
      const created_by = { name: hostile }
      const error = await errorOf(
        applyAt(scene.site, dropSnapshot, { cluster: 'graph', created_by }),
      )
      expect(error.code).toBe('schema.invalid')
      expect(scene.calls).toEqual([])
    },
  )
})

describe('nebula.snapshots', () => {
  it('tells rows, folders that nobody lists, and hosts that cannot be looked at', async () => {
    const scene = withBackup()
    scene.put(other, 'none')
    scene.put('SNAPSHOT_2026_11_20_12_00_00', 'invalid')
    scene.hosts.s2.isUp = false
    const found = await applyAt(scene.site, snapshots, { cluster: 'graph' })
    expect(found.snapshots.map(row => [row.name, row.status])).toEqual([
      [name, 'valid'],
      ['SNAPSHOT_2026_11_20_12_00_00', 'invalid'],
    ])
    expect(found).toMatchObject({
      orphans: [other],
      invalid: ['SNAPSHOT_2026_11_20_12_00_00'],
      unread: ['s2: no SSH connection to s2'],
    })
    expect(found.on_disk.find(each => each.name === other)?.places).toHaveLength(3)
  })

  it('looks at no disk where it is told not to', async () => {
    const scene = withBackup()
    for (const host of Object.values(scene.hosts)) host.isUp = false
    const found = await applyAt(scene.site, snapshots, { cluster: 'graph', on_disk: false })
    expect([found.snapshots.length, found.on_disk, found.unread]).toEqual([1, [], []])
  })

  it('tells hostile names as text, and makes no path of them', async () => {
    const scene = checkpointScene()
    scene.rows.push({ name: '../../etc', status: 'valid', hosts: [] })
    const found = await applyAt(scene.site, snapshots, { cluster: 'graph' })
    expect(found.on_disk).toEqual([])
    const { site } = scene
    const since = { cluster: 'graph', since: empty }
    const decision = await planAt(site, dropSnapshot, since)
    expect(JSON.stringify(decision)).not.toContain('etc')
    expect((await dropAll(scene)).name).toBe('')
  })
})

async function dropAll({ site }: CheckpointScene) {
  return await applyAt(site, dropSnapshot, { cluster: 'graph', since: empty }, quietIo)
}
