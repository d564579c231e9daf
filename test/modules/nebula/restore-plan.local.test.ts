import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { restorePlan } from '../../../src/modules/nebula/restore-plan.ts'
import { stage } from '../../../src/modules/repository/stage.ts'
import { makeBackup } from '../../databases/nebula/restore/backup.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { makeNebulaRestoreScene, type NebulaRestoreScene } from './restore-scene.ts'

const args = { cluster: 'graph', storage: 'vault' }

let scene: NebulaRestoreScene
beforeEach(() => {
  scene = makeNebulaRestoreScene()
})
afterEach(async () => {
  await scene.close()
})

describe('nebula.restore_plan', () => {
  it('says what repository.stage takes, and binds backup, versions and topology', async () => {
    const backup = await scene.backUp()
    scene.put(join(scene.meta('h1'), 'nebula', '0', 'data', 'CURRENT'), 'live')
    scene.put(join(scene.data('h2'), 'nebula', '9', 'data', 'CURRENT'), 'live')
    const decision = await planAt(scene.site('1'), restorePlan, args)
    const result = await applyAt(scene.site('1'), restorePlan, args)
    expect(decision).toMatchObject({
      kind: 'change',
      changesNothing: true,
      result,
      binding: { backup, versions: ['3.8.0', '3.8.0'], restorable: true },
    })
    expect(result).toMatchObject({
      backup,
      name: 'BACKUP_2026_11_21_10_00_00',
      scope: 'all',
      aside: {
        h1: [join(scene.meta('h1'), 'nebula')],
        h2: [join(scene.data('h2'), 'nebula', '9')],
      },
      cluster_id_files: {
        h1: [join(scene.folder, 'h1', 'cluster.id')],
        h2: [join(scene.folder, 'h2', 'cluster.id')],
      },
      meta: { pairs: [], method: 'restore_meta' },
      expected: { spaces: ['nba', 'cars'] },
      restorable: true,
    })
    const staged = await applyAt(scene.site('2'), stage, {
      storage: 'vault',
      backup: result.backup,
      ...result.stage,
    })
    const targets = Object.values(staged.hosts).flatMap(trees => trees.map(tree => tree.target))
    expect(targets.toSorted()).toEqual(
      ['h1', 'h2'].flatMap(host => ['1', '2'].map(id => join(scene.data(host), 'nebula', id))),
    )
  })

  it('works while the cluster is dead, if the inventory says the version', async () => {
    await scene.backUp()
    scene.live = undefined
    await expect(applyAt(scene.site('1'), restorePlan, args)).rejects.toMatchObject({
      code: 'nebula.version',
      hint: expect.stringContaining('version:'),
    })
    await scene.close()
    scene = makeNebulaRestoreScene({ settings: { version: '3.6.0' } })
    scene.live = undefined
    await scene.backUp()
    const { lines } = await applyAt(scene.site('1'), restorePlan, args)
    expect(lines.join('\n')).toContain('3.8.0')
    expect(lines.join('\n')).toContain("newer than the cluster's 3.6.0")
  })

  it('refuses another topology with both sides, or only reports it', async () => {
    const other = makeBackup(['10.0.0.1:9779', '10.0.0.8:9779'])
    await scene.backUp({
      storageds: other.storageds.map(each => ({ ...each, host: 'h1' })),
      roots: other.roots.map(root => ({ ...root, host: 'h1' })),
    })
    await expect(applyAt(scene.site('1'), restorePlan, args)).rejects.toMatchObject({
      code: 'nebula.topology',
      message: expect.stringContaining('+ storaged 10.0.0.2:9779'),
    })
    const report = await applyAt(scene.site('1'), restorePlan, { ...args, report_only: true })
    expect(report).toMatchObject({ restorable: false, stage: { paths: [] } })
    expect(report.lines.join('\n')).toContain('10.0.0.8:9779 held partitions')
  })

  it('finds the backup of another cluster only by its name', async () => {
    await scene.backUp()
    await expect(
      applyAt(scene.site('1'), restorePlan, { ...args, of: 'other' }),
    ).rejects.toMatchObject({ code: 'repository.backup_not_found' })
    await applyAt(scene.site('1'), restorePlan, { ...args, of: 'graph' })
  })

  it('refuses backups that are of no NebulaGraph', async () => {
    scene.put(join(scene.folder, 'tree', 'file'), 'x')
    const backup = await scene.scene.backUp([{ path: join(scene.folder, 'tree') }])
    await expect(applyAt(scene.site('1'), restorePlan, { ...args, backup })).rejects.toMatchObject({
      code: 'nebula.backup_invalid',
    })
  })
})
