import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backup } from '../../../src/modules/repository/backup.ts'
import { restoreObjects } from '../../../src/modules/repository/restore-objects.ts'
import { stage } from '../../../src/modules/repository/stage.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createFileStorage } from '../../../src/storage/file.ts'
import { key } from '../../../src/storage/key.ts'
import { makeRestoreScene, type RestoreScene } from '../../repository/restore/scene.ts'
import { type Bucket, makeBucket, textOf } from '../../repository/sources/bucket.ts'
import { quietIo } from '../../repository/support.ts'
import { applyAt, makeSite, planAt } from './site.ts'

/** Two blocks of the format, the second one short. */
const large = Buffer.alloc(8 * 1024 * 1024 + 5, 'large')

const content = { empty: '', 'tables/one': 'one', 'tables/two': 'two' } as const

let scene: RestoreScene
let lake: Bucket
let pond: Bucket
let storages: Record<string, Storage>
let steps: ReturnType<typeof makeSite>
beforeEach(async () => {
  scene = makeRestoreScene(['a'])
  lake = makeBucket('lake')
  pond = makeBucket('pond')
  for (const [name, text] of Object.entries(content)) {
    await lake.set(name, text)
  }
  storages = { lake: lake.storage, pond: pond.storage }
  steps = makeSite({ ...scene, storages })
  await applyAt(steps.site, backup, { storage: 'vault', sources: ['lake'] })
})
afterEach(async () => {
  await scene.close()
})

const args = { storage: 'vault', to: 'pond' } as const

describe('repository.restore_objects', () => {
  it('puts all objects into another storage, and then finds nothing to do', async () => {
    await lake.set('wide/object', large)
    await applyAt(steps.next('2'), backup, { storage: 'vault', sources: ['lake'] })
    const planned = await planAt(steps.site, restoreObjects, args)
    expect(planned).toMatchObject({
      kind: 'change',
      changes: [
        {
          action: 'create',
          target: '4 objects in pond',
          bytes: large.length + 6,
          flow: 'upload',
        },
      ],
    })
    expect(pond.writes).toEqual([])
    const done = await applyAt(steps.site, restoreObjects, args)
    expect(done).toMatchObject({ put: 4, bytes: large.length + 6, unchanged: 0, deleted: 0 })
    expect(await pond.content()).toEqual({ ...content, 'wide/object': textOf(large) })
    pond.gets.length = 0
    expect(await planAt(steps.site, restoreObjects, args)).toMatchObject({
      kind: 'unchanged',
      result: { put: 0, unchanged: 4 },
    })
    // The md5 of the content says all of it.
    expect(pond.gets).toEqual([])
  })

  it('touches only what differs, and deletes nothing unless it is told to', async () => {
    await applyAt(steps.site, restoreObjects, args)
    pond.writes.length = 0
    await pond.set('tables/one', 'ONE')
    await pond.set('tables/three', 'three')
    const planned = await planAt(steps.site, restoreObjects, args)
    expect(planned).toMatchObject({
      kind: 'change',
      changes: [
        {
          action: 'update',
          destructive: true,
          bytes: 3,
          target: '1 object with other bytes in pond',
        },
      ],
      binding: { to: 'pond', overwritten: { objects: 1 } },
    })
    expect(JSON.stringify(planned)).toContain('left, as the backup does not have them: 1 object')
    expect(await applyAt(steps.site, restoreObjects, args)).toMatchObject({ put: 1, deleted: 0 })
    expect(pond.writes).toEqual(['put tables/one'])

    const exact = { ...args, delete_extra: true }
    expect(await planAt(steps.site, restoreObjects, exact)).toMatchObject({
      changes: [{ action: 'delete', destructive: true, bytes: 5 }],
      binding: { deleted: { objects: 1 } },
    })
    expect(await applyAt(steps.site, restoreObjects, exact)).toMatchObject({ put: 0, deleted: 1 })
    expect(await pond.content()).toEqual(content)
  })

  it('reads what the etag says nothing of, up to the first block that differs', async () => {
    await lake.set('wide/object', large)
    await applyAt(steps.next('2'), backup, { storage: 'vault', sources: ['lake'] })
    pond = makeBucket('pond', { etags: false })
    const other = Buffer.from(large)
    other[0] = 1
    await pond.set('wide/object', other)
    await pond.set('tables/two', 'two')
    steps = makeSite({ ...scene, storages: { lake: lake.storage, pond: pond.storage } })
    expect(await planAt(steps.site, restoreObjects, args)).toMatchObject({
      changes: [{ target: '2 objects in pond' }, { target: '1 object with other bytes in pond' }],
    })
    expect([...pond.gets].sort()).toEqual(['tables/two', 'wide/object'])
    await applyAt(steps.site, restoreObjects, args)
    expect(pond.writes.sort()).toEqual(['put empty', 'put tables/one', 'put wide/object'])
    expect(await pond.content()).toEqual({ ...content, 'wide/object': textOf(large) })
  })

  it('goes on where one that failed stopped, and deletes only once all is there', async () => {
    await pond.set('extra', 'x')
    pond.onWrite = what => {
      if (what === 'put tables/two') throw new Error('the server is gone')
    }
    const exact = { ...args, delete_extra: true }
    await expect(applyAt(steps.site, restoreObjects, exact)).rejects.toThrow('the server is gone')
    expect(await pond.content()).toHaveProperty('extra')
    pond.onWrite = undefined
    const before = [...pond.writes]
    pond.writes.length = 0
    await applyAt(steps.site, restoreObjects, exact)
    expect(pond.writes.filter(what => before.includes(what))).toEqual([])
    expect(await pond.content()).toEqual(content)
  })

  it('deletes nothing where there is more to delete than it saw', async () => {
    const exact = { ...args, delete_extra: true }
    const facts = await restoreObjects.inspect(steps.site, exact, quietIo)
    await pond.set('newcomer', 'made meanwhile')
    const input = { args: exact, facts, changes: [] }
    await expect(restoreObjects.apply(steps.site, input, quietIo)).rejects.toMatchObject({
      code: 'run.plan_stale',
    })
    expect(await pond.content()).toEqual({ ...content, newcomer: 'made meanwhile' })
  })

  it('puts them below a prefix, and looks and deletes only there', async () => {
    await pond.set('x', 'x')
    await pond.set('copy/extra', 'x')
    await applyAt(steps.site, restoreObjects, { ...args, prefix: '/copy/', delete_extra: true })
    const moved = Object.entries(content).map(([name, text]) => [`copy/${name}`, text] as const)
    expect(await pond.content()).toEqual({ x: 'x', ...Object.fromEntries(moved) })
  })

  it('goes by the names that parts were backed up as', async () => {
    const sources = [{ storage: 'lake', prefix: 'tables', as: '/data/v1' }]
    await applyAt(steps.next('2'), backup, { storage: 'vault', sources, parent: 'none' })
    await pond.set('data/v10/x', 'not below')
    await applyAt(steps.next('3'), restoreObjects, { ...args, source: 'lake', delete_extra: true })
    expect(await pond.content()).toEqual({
      'data/v1/one': 'one',
      'data/v1/two': 'two',
      'data/v10/x': 'not below',
    })
  })

  it('refuses what it cannot mean, and says what restores the rest', async () => {
    const folder = join(scene.folder, 'db')
    mkdirSync(folder)
    writeFileSync(join(folder, 'meta'), 'meta')
    const both = { storage: 'vault', paths: { a: [folder] }, sources: ['lake'] }
    await applyAt(steps.next('2'), backup, both)
    const { site } = steps
    const plan = (more: object) => planAt(site, restoreObjects, { ...args, ...more })
    await expect(plan({ source: 'a' })).rejects.toMatchObject({
      code: 'restore.target_invalid',
      message: 'a is a host of the backup: its files do not become objects',
      hint: 'repository.stage restores the files of hosts',
    })
    await expect(plan({ source: 'lak' })).rejects.toMatchObject({
      message: expect.stringContaining('holds no objects of "lak"'),
    })
    expect(await plan({ source: 'storage:lake' })).toMatchObject({ kind: 'change' })
    // The files of hosts are staged, and the plan says what is not.
    writeFileSync(join(folder, 'meta'), 'other')
    expect(await planAt(site, stage, { storage: 'vault' })).toMatchObject({
      kind: 'change',
      changes: [
        {
          notes: expect.arrayContaining([
            'repository.restore_objects restores the objects of storage:lake',
          ]),
        },
      ],
    })
    await expect(
      planAt(site, stage, { storage: 'vault', host_map: { 'storage:lake': 'a' } }),
    ).rejects.toMatchObject({
      code: 'restore.target_invalid',
      hint: 'repository.restore_objects puts them into a storage',
    })
    await applyAt(steps.next('3'), backup, { storage: 'vault', sources: ['lake'] })
    await expect(planAt(site, stage, { storage: 'vault' })).rejects.toMatchObject({
      code: 'restore.target_invalid',
      hint: 'repository.restore_objects puts them into a storage',
    })
  })

  it('never writes into the repository', async () => {
    const directory = join(scene.folder, 'shared')
    const vault = createFileStorage({ directory: join(directory, 'deep', 'vault') })
    const shared = createFileStorage({ directory })
    const site = makeSite({ ...scene, storage: vault, storages: { ...storages, shared } })
    await applyAt(site.site, backup, { storage: 'vault', sources: ['lake'] })
    for (const prefix of [{}, { prefix: 'deep' }, { prefix: 'deep/vault/x' }]) {
      await expect(
        planAt(site.site, restoreObjects, { storage: 'vault', to: 'shared', ...prefix }),
      ).rejects.toMatchObject({ code: 'usage.invalid' })
    }
    const beside = { storage: 'vault', to: 'shared', prefix: 'deep/other' }
    expect(await planAt(site.site, restoreObjects, beside)).toMatchObject({ kind: 'change' })
    // The same under another address.
    await pond.set('vault/bendsave.md', await vault.get(key('bendsave.md'), quietIo))
    await expect(planAt(site.site, restoreObjects, args)).rejects.toMatchObject({
      code: 'usage.invalid',
      message: expect.stringContaining('at vault/bendsave.md'),
    })
  })
})
