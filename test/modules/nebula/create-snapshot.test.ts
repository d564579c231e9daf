import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import { createSnapshot } from '../../../src/modules/nebula/create-snapshot.ts'
import { errorOf } from '../../connection/support.ts'
import { applyAt } from '../repository/site.ts'
import { checkpointScene, nameNow, newName, refused } from './checkpoint-scene.ts'

const args = { cluster: 'graph' }
const name = newName.snapshot
const older = 'SNAPSHOT_2026_11_20_10_00_00'

describe('nebula.create_snapshot', () => {
  it('names the one that is new, and looks at all of it', async () => {
    const scene = checkpointScene()
    scene.put(older)
    const made = await applyAt(scene.site, createSnapshot, args)
    expect(made).toMatchObject({ name, spaces: ['nba'], hosts: ['s1', 's2', 'm1'] })
    expect(scene.calls).toEqual(['createSnapshot'])
    expect(scene.rows.map(row => row.name)).toEqual([older, name])
  })

  it('makes none in the second of another, whose files metad would write over', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createSnapshot: async () => {
          const now = nameNow('SNAPSHOT', scene)
          scene.rows.splice(0, scene.rows.length, ...scene.rows.filter(row => row.name !== now))
          scene.put(now)
        },
      }),
    })
    const other = nameNow('SNAPSHOT', scene)
    scene.put(other)
    const made = await applyAt(scene.site, createSnapshot, args)
    expect(made['name']).not.toBe(other)
    expect(scene.rows.map(row => row.name)).toEqual([other, made['name']])
  })

  it('drops one that a storaged has nothing of', async () => {
    // After a backup of some spaces metads make snapshots of those only, and say nothing.
    const scene = checkpointScene({
      client: scene => ({
        createSnapshot: async () => {
          scene.put(name)
          for (const path of scene.disks.s2.keys()) {
            if (path.includes(`/checkpoints/${name}/`)) scene.disks.s2.delete(path)
          }
        },
      }),
    })
    const error = await errorOf(applyAt(scene.site, createSnapshot, args))
    expect(error.code).toBe('nebula.backup_failed')
    expect(error.message).toContain('s2: /d1/nebula/1/checkpoints')
    expect([scene.rows, scene.folders(name)]).toEqual([[], []])
  })

  it('drops one whose meta nobody has', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createSnapshot: async () => {
          scene.put(name)
          scene.disks.m1.clear()
        },
      }),
    })
    const error = await errorOf(applyAt(scene.site, createSnapshot, args))
    expect(error.message).toContain('no metad has the meta in it')
    expect(scene.folders(name)).toEqual([])
  })

  it('takes none of several that are new: graphd may have made more', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createSnapshot: async () => {
          scene.put(older)
          scene.put(name)
        },
      }),
    })
    const error = await errorOf(applyAt(scene.site, createSnapshot, args))
    expect(error.message).toContain(`${older}, ${name}`)
    expect(scene.rows).toHaveLength(2)
  })

  it('leaves nothing where it was refused half-way', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createSnapshot: async () => {
          scene.put(name, 'invalid')
          throw refused('E_RPC_FAILURE')
        },
      }),
    })
    const error = await errorOf(applyAt(scene.site, createSnapshot, args))
    expect(error.message).toContain(`${name}, which it left, is dropped`)
    expect([scene.rows, scene.folders(name)]).toEqual([[], []])
  })

  it('is done where it was cut off after metad had made it, and begun again where not', async () => {
    const scene = checkpointScene()
    const before = await createSnapshot.inspect(scene.site, args, quietIo)
    const cutOff = { args, before, intent: { existing: before.existing } }
    const recover = async () => await createSnapshot.recover?.(scene.site, cutOff as never, quietIo)
    expect(await recover()).toEqual({ state: 'not_started' })
    scene.put(name)
    expect(await recover()).toMatchObject({ state: 'done', result: { name, blocked_ms: 0 } })
    scene.rows.splice(0, 1, { name, status: 'invalid', hosts: [] })
    expect(await recover()).toEqual({ state: 'not_started' })
    // What the attempt before left goes first, then its writes, then the new one.
    const made = await createSnapshot.apply(
      scene.site,
      { args, facts: before, changes: [], left: cutOff.intent },
      quietIo,
    )
    expect(made.lines.join('; ')).toContain(`${name}, of the attempt before, was dropped`)
    expect(scene.rows).toMatchObject([{ name, status: 'valid' }])
  })

  it('takes no path from a metad that lists a hostile name', async () => {
    const scene = checkpointScene({
      client: scene => ({
        createSnapshot: async () => {
          scene.rows.push({ name: 'SNAPSHOT_../../etc', status: 'valid', hosts: [] })
        },
      }),
    })
    const error = await errorOf(applyAt(scene.site, createSnapshot, args))
    expect(error).toBeInstanceOf(BkpError)
    expect(error.message).toContain('lists none that is new')
  })
})
