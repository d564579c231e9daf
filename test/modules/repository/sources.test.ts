import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backup } from '../../../src/modules/repository/backup.ts'
import { createFileStorage } from '../../../src/storage/file.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { makeRestoreScene, type RestoreScene } from '../../repository/restore/scene.ts'
import { type Bucket, makeBucket } from '../../repository/sources/bucket.ts'
import { quietIo } from '../../repository/support.ts'
import { applyAt, makeSite, planAt } from './site.ts'

let scene: RestoreScene
let lake: Bucket
let site: ReturnType<typeof makeSite>['site']
beforeEach(async () => {
  scene = makeRestoreScene(['a'])
  lake = makeBucket('lake')
  await lake.set('tables/one', 'one')
  await lake.set('logs/two', 'two')
  site = makeSite({ ...scene, storages: { lake: lake.storage } }).site
})
afterEach(async () => {
  await scene.close()
})

describe('repository.backup with sources', () => {
  it('backs up storages alone: no host needs paths', async () => {
    const args = { storage: 'vault', sources: ['lake'] }
    expect(await planAt(site, backup, args)).toMatchObject({
      kind: 'change',
      changes: [
        {
          bytes: 6,
          notes: [
            'a full backup; vault becomes a repository',
            'storage:lake: 2 files, 6 B; 2 to read (6 B), 0 B reused; plane relay: this controller reads memory://lake',
          ],
        },
      ],
      binding: { hosts: ['storage:lake'] },
    })
    expect(await applyAt(site, backup, args)).toMatchObject({ files: 2, bytes: 6, warnings: [] })
    expect(lake.writes).toEqual([])
  })

  it('backs up parts of storages beside directories of hosts', async () => {
    const folder = join(scene.folder, 'db')
    mkdirSync(folder)
    writeFileSync(join(folder, 'meta'), 'meta')
    const sources = [
      { storage: 'lake', prefix: 'tables/', as: '/data' },
      { host: 'a', path: folder, as: '/meta' },
    ]
    const done = await applyAt(site, backup, { storage: 'vault', sources })
    expect(done).toMatchObject({ files: 2, bytes: 7 })
  })

  it('takes sources of the cluster where the step names none', async () => {
    const cluster = {
      name: 'lakehouse',
      kind: 'files',
      roles: { hosts: ['a'] },
      hosts: ['a'],
      settings: { sources: ['lake'] },
    }
    const whole = makeSite({ ...scene, storages: { lake: lake.storage }, clusters: [cluster] })
    const done = await applyAt(whole.site, backup, { storage: 'vault', cluster: 'lakehouse' })
    expect(done).toMatchObject({ files: 2 })
  })

  it.each([
    [[{ host: 'b', path: '/srv' }], 'sources: "b" is no host of this step'],
    [[{ storage: 'lake', prefix: 'a/../b' }], 'sources: "a/../b" of "lake" has a component ".."'],
    [
      [{ storage: 'lake', prefix: 'a' }, 'lake'],
      'sources: a part of "lake" lies within another part of it',
    ],
    [
      ['s3://lake/a?region=x', 's3://lake/a?region=y'],
      'sources: "s3://lake/a?region=x" and "s3://lake/a?region=y" would both be called storage:s3:lake:a',
    ],
  ])('refuses %j', async (sources, message) => {
    await expect(planAt(site, backup, { storage: 'vault', sources })).rejects.toMatchObject({
      code: 'schema.invalid',
      message,
    })
  })

  it('refuses a repository inside what is backed up, and the other way round', async () => {
    const outer = createFileStorage({ directory: join(scene.folder, 'outer') })
    const inner = createFileStorage({ directory: join(scene.folder, 'outer', 'in', 'side') })
    await outer.put(key('x'), Uint8Array.of(1), quietIo)
    const plan = async (storage: typeof outer, from: typeof outer, more: object = {}) =>
      await planAt(makeSite({ ...scene, storage, storages: { lake: from } }).site, backup, {
        storage: 'vault',
        sources: ['lake'],
        ...more,
      })
    await expect(plan(inner, outer)).rejects.toMatchObject({
      code: 'usage.invalid',
      message: expect.stringMatching(/^the repository .*side lies inside storage:lake/),
    })
    await expect(plan(outer, inner)).rejects.toThrow(/^storage:lake lies inside the repository/)
    await expect(plan(outer, outer)).rejects.toMatchObject({ code: 'usage.invalid' })
    expect(await plan(inner, outer, { exclude: ['/in'] })).toMatchObject({ kind: 'change' })
    const part = [{ storage: 'lake', prefix: 'other' }]
    expect(await plan(inner, outer, { sources: part })).toMatchObject({ kind: 'change' })
    expect(await plan(createMemoryStorage(), outer)).toMatchObject({ kind: 'change' })
  })
})
