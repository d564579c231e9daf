import { describe, expect, it } from 'vitest'
import {
  compareStorageds,
  planSnapshot,
} from '../../../../src/databases/nebula/restore/plan-snapshot.ts'
import { makeInstance } from './backup.ts'

const name = 'SNAPSHOT_2026_11_21_10_00_00'
const at = (folder: string, ...parts: readonly string[]): readonly string[] => [
  folder,
  ...['data', 'wal'].map(part => `${folder}/${part}`),
  ...parts.map(part => `${folder}/checkpoints/${name}/${part}`),
]
const metads = [1, 2].map(n => makeInstance('metad', `10.0.0.${n}:9559`))
const storaged = makeInstance('storaged', '10.0.0.1:9779', { dataDirs: ['/d0', '/d1'] })
const instances = [...metads, storaged]
const meta = (...parts: readonly string[]) => at('/data/metad/nebula/0', ...parts)

const summary = (plan: ReturnType<typeof planSnapshot>): readonly string[] =>
  plan.trees.map(({ host, target, content }) => `${host} ${content.kind} ${target}`)

describe('a snapshot', () => {
  it('comes back on every data path, and to every metad; what it lacks is set aside', () => {
    const plan = planSnapshot(name, instances, {
      h1: [
        ...at('/d0/nebula/1', 'data', 'wal'),
        ...at('/d1/nebula/1', 'data'),
        ...at('/d1/nebula/2'),
        ...meta('data', 'wal'),
      ],
      h2: meta(),
    })
    expect(summary(plan)).toEqual([
      'h1 copy /d0/nebula/1/data',
      'h1 copy /d0/nebula/1/wal',
      'h1 copy /d1/nebula/1/data',
      'h1 folder /d1/nebula/1/wal',
      'h1 folder /d1/nebula/2',
      'h1 copy /data/metad/nebula/0/data',
      'h1 copy /data/metad/nebula/0/wal',
      'h2 transfer /data/metad/nebula/0/data',
      'h2 transfer /data/metad/nebula/0/wal',
    ])
    expect(plan.databases.map(({ path }) => path)).toEqual([
      `/d0/nebula/1/checkpoints/${name}/data`,
      `/d1/nebula/1/checkpoints/${name}/data`,
      `/data/metad/nebula/0/checkpoints/${name}/data`,
    ])
  })

  it('brings logs back to where --wal_path keeps them', () => {
    const apart = makeInstance('storaged', '10.0.0.1:9779', { dataDirs: ['/d0'], walDir: '/w' })
    const plan = planSnapshot(name, [...metads.slice(0, 1), apart], {
      h1: [
        '/d0/nebula/1',
        `/d0/nebula/1/checkpoints/${name}/data`,
        ...at('/w/nebula/1', 'wal').filter(path => !path.endsWith('/1/data')),
        '/w/nebula/2',
        ...meta('data'),
      ],
    })
    expect(summary(plan).slice(0, 3)).toEqual([
      'h1 copy /d0/nebula/1/data',
      'h1 copy /w/nebula/1/wal',
      'h1 folder /w/nebula/2',
    ])
  })

  it.each([
    ['no storaged', { h1: meta('data') }, 'no storaged has it'],
    ['no metad', { h1: at('/d0/nebula/1', 'data') }, 'no metad has its tables'],
    [
      'two metads',
      { h1: [...at('/d0/nebula/1', 'data'), ...meta('data')], h2: meta('data') },
      'several metads',
    ],
  ])('is refused where %s has it', (_, existing, why) => {
    expect(() => planSnapshot(name, instances, existing)).toThrow(why)
  })

  it('says which storageds came later, and which are gone', () => {
    const now = [...metads, storaged, makeInstance('storaged', '10.0.0.2:9779')]
    expect(compareStorageds(['10.0.0.1:9779', '10.0.0.3:9779'], now)).toEqual([
      '10.0.0.2:9779 was not there when it was made: nothing comes back to it',
      'warning: 10.0.0.3:9779 was there when it was made, and is not in the inventory',
    ])
    expect(compareStorageds(['10.0.0.2:9779', '10.0.0.1:9779'], now)).toEqual([])
    // No row, or one that names nobody.
    expect(compareStorageds([], now)).toEqual([])
  })
})
