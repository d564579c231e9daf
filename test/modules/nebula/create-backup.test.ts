import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import { createBackup } from '../../../src/modules/nebula/create-backup.ts'
import { errorOf } from '../../connection/support.ts'
import { applyAt, planAt } from '../repository/site.ts'
import {
  answerOf,
  type CheckpointScene,
  checkpointScene,
  nameNow,
  newName,
  refused,
} from './checkpoint-scene.ts'
import { row, wholeCluster } from './scene.ts'

const args = { cluster: 'graph' }
const name = newName.backup
const stray = 'BACKUP_2026_11_21_09_59_59'
const answeredBy = { host: '10.0.0.1', port: 9559 }
const lost = () => new BkpError('nebula.outcome_unknown', 'the answer to createBackup was lost')

const applied = async (scene: CheckpointScene) =>
  await errorOf(applyAt(scene.site, createBackup, args))

describe('nebula.create_backup', () => {
  it('says what to back up of each host, and under which names', async () => {
    const scene = checkpointScene()
    const made = await applyAt(scene.site, createBackup, args)
    expect(made).toMatchObject({ name, generation: '3.3', identity: 'inode', spaces: ['nba'] })
    expect(made.paths).toEqual({
      m1: [{ path: `/data/meta/nebula/0/checkpoints/${name}`, as: 'meta' }],
      s1: [
        { path: `/d1/nebula/1/checkpoints/${name}`, as: 'storaged/10.0.0.2:9779/data0/1' },
        { path: `/d2/nebula/1/checkpoints/${name}`, as: 'storaged/10.0.0.2:9779/data1/1' },
      ],
      s2: [
        { path: `/d1/nebula/1/checkpoints/${name}`, as: 'storaged/10.0.0.3:9779/data0/1' },
        { path: `/d2/nebula/1/checkpoints/${name}`, as: 'storaged/10.0.0.3:9779/data1/1' },
      ],
    })
  })

  it('makes none in the second of another, whose files metad would write over', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createBackup: async () => {
          const now = nameNow('BACKUP', scene)
          if (scene.rows.some(row => row.name === now)) throw new Error(`over ${now}`)
          scene.put(now)
          return { meta: answerOf(now), answeredBy }
        },
      }),
    })
    const other = nameNow('BACKUP', scene)
    scene.put(other)
    const made = await applyAt(scene.site, createBackup, args)
    expect(scene.rows.map(row => row.name)).toEqual([other, made.name])
  })

  it('drops nothing of a name that was there before: somebody may be reading its files', async () => {
    const scene = checkpointScene({
      client: () => ({ createBackup: async () => ({ meta: answerOf(name), answeredBy }) }),
    })
    scene.put(name)
    const error = await applied(scene)
    expect(error.message).toContain(`${name} was there before`)
    expect(scene.rows).toHaveLength(1)
  })

  it('refuses an owner of partitions that is offline before anything is blocked', async () => {
    const [first, second] = wholeCluster.storageds
    if (first === undefined || second === undefined) throw new Error('two storageds')
    const scene = checkpointScene({ storageds: [first, { ...second, status: 'offline' }] })
    const error = await errorOf(planAt(scene.site, createBackup, args))
    expect(error).toMatchObject({
      code: 'nebula.not_ready',
      details: { offline: ['10.0.0.3:9779'] },
    })
    expect(error.hint).toContain('nothing was blocked')
    expect(scene.calls).toEqual([])
  })

  it('lets one without a partition of the space be offline', async () => {
    const away = row('10.0.0.4:9779', { role: 'storage', status: 'offline' })
    const scene = checkpointScene({ storageds: [...wholeCluster.storageds, away] })
    expect((await planAt(scene.site, createBackup, args)).kind).toBe('change')
  })

  it('names the spaces that there are, where one is not', async () => {
    const { site, calls } = checkpointScene()
    const error = await errorOf(planAt(site, createBackup, { ...args, spaces: ['nbb'] }))
    expect(error).toMatchObject({
      code: 'nebula.space_not_found',
      details: { space: 'nbb', spaces: ['nba'] },
    })
    expect(error.hint).toContain('nba')
    expect(calls).toEqual([])
  })

  it.each(['../../../etc', 'BACKUP_x', '', 'SNAPSHOT_2026_11_21_10_00_00', `${name}/..`])(
    'takes no path from a metad that calls its backup %j',
    async hostile => {
      const scene = checkpointScene({
        client: () => ({
          createBackup: async () => ({ meta: answerOf(hostile), answeredBy }),
        }),
      })
      const before = new Map(Object.entries(scene.disks).map(([host, disk]) => [host, disk.size]))
      expect((await applied(scene)).code).toBe('nebula.protocol')
      for (const [host, disk] of Object.entries(scene.disks)) {
        expect(disk.size).toBe(before.get(host))
      }
    },
  )

  it('drops what is not whole, and names what is missing', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createBackup: async () => {
          scene.put(name)
          scene.disks.s2.delete(`/d2/nebula/1/checkpoints/${name}/data/000009.sst`)
          return { meta: answerOf(name), answeredBy }
        },
      }),
    })
    const error = await applied(scene)
    expect(error.code).toBe('nebula.backup_failed')
    expect(error.message).toContain(
      `s2: /d2/nebula/1/checkpoints/${name}: data/000009.sst is missing; it is dropped`,
    )
    expect(scene.folders(name)).toEqual([])
  })

  it('says so where a host has no checkpoint folder at all', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createBackup: async () => {
          scene.put(name)
          for (const path of scene.disks.s1.keys()) {
            if (path.startsWith('/d1/nebula/1/checkpoints/')) scene.disks.s1.delete(path)
          }
          return { meta: answerOf(name), answeredBy }
        },
      }),
    })
    expect((await applied(scene)).message).toContain(
      `s1: /d1/nebula/1/checkpoints/${name} is absent, and /d1/nebula/1/data has data`,
    )
    expect(scene.folders(name)).toEqual([])
  })

  it('drops the one that is new after a lost answer, lets writes go, and is settled', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createBackup: async () => {
          scene.put(name, 'invalid')
          throw lost()
        },
      }),
    })
    const error = await applied(scene)
    expect(error.details).toMatchObject({ result: { settled: true } })
    expect(error.message).toContain(`${name}, which it left, is dropped`)
    expect(scene.calls).toContain('createSnapshot')
    expect([scene.rows, scene.folders(name), scene.folders(newName.snapshot)]).toEqual([[], [], []])
  })

  it('drops none of several that are new after a lost answer, and names them', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createBackup: async () => {
          scene.put(stray)
          scene.put(name)
          throw lost()
        },
      }),
    })
    const error = await applied(scene)
    expect(error.message).toContain(`${stray}, ${name}`)
    expect(error.details).not.toHaveProperty('result')
    expect(scene.rows).toHaveLength(2)
  })

  it('drops what a metad left that lost its lead, where the next one refuses', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createBackup: async () => {
          scene.put(stray, 'invalid')
          throw refused('E_NO_HOSTS')
        },
      }),
    })
    const error = await applied(scene)
    expect(error.message).toContain(`${stray}, which a metad left that lost the lead, was dropped`)
    expect(error.details).toMatchObject({ name: 'E_NO_HOSTS', result: { settled: true } })
    expect([scene.rows, scene.folders(stray)]).toEqual([[], []])
  })

  it('owes its release where it was cancelled: nobody knows what metad does', async () => {
    const cancel = new AbortController()
    const scene = checkpointScene({
      client: () => ({
        createBackup: async () => {
          cancel.abort()
          throw new BkpError('step.cancelled', 'cancelled')
        },
      }),
    })
    const io = { ...quietIo, signal: cancel.signal }
    const error = await errorOf(applyAt(scene.site, createBackup, args, io))
    expect(error.details).not.toHaveProperty('result')
  })

  it.each([
    ['3.3', '3.8.0', false],
    ['3.0', '3.2.1', false],
    ['3.0', '3.0.2', true],
    ['2.1', '2.6.1', true],
    ['2.0', undefined, true],
  ] as const)('after a failed export of %s (%s) lifts a block: %s', async (...of) => {
    const [generation, version, lifts] = of
    const scene = checkpointScene({
      client: () => ({
        version: async () => ({ generation, ...(version === undefined ? {} : { version }) }),
        createBackup: async () => {
          throw refused(generation === '2.0' ? 'E_BACKUP_FAILURE' : 'E_BACKUP_FAILED')
        },
      }),
    })
    const error = await applied(scene)
    expect(scene.calls.includes('createSnapshot')).toBe(lifts)
    expect(error.details).toMatchObject({ result: { settled: true } })
    expect(scene.rows).toEqual([])
  })
})
