import { beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../../src/base/io.ts'
import {
  type OfficialPart,
  officialFolder,
  officialLayouts,
  parseOfficialPath,
} from '../../../../src/databases/nebula/official/layout.ts'
import { listOfficial } from '../../../../src/databases/nebula/official/list.ts'
import { storagePlace } from '../../../../src/databases/nebula/official/storage-place.ts'
import { verifyOfficial } from '../../../../src/databases/nebula/official/verify.ts'
import type { Storage } from '../../../../src/storage/contract.ts'
import { key } from '../../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../../src/storage/memory.ts'
import { metaBytes, officialTree, putTree } from '../official-tree.ts'
import { comparator, fakeRocksDb, logOf, newFile } from './rocksdb-files.ts'

let storage: Storage
beforeEach(() => {
  storage = createMemoryStorage('br')
})
const list = () => listOfficial(storagePlace(storage), quietIo)
const verify = (name: string) => verifyOfficial(storagePlace(storage), name, quietIo)

describe('paths of the official BR', () => {
  it('are those of its layouts', () => {
    const root = { kind: 'data', address: '10.0.0.1:9779', data: 1, space: 5 } as const
    const at = (splitsPort: boolean) =>
      officialLayouts.map(layout =>
        officialFolder({ ...root, data: layout === 'A' ? 0 : 1 }, layout, { splitsPort }),
      )
    expect(at(false)).toEqual([
      'storage/10.0.0.1:9779/5',
      'storage/10.0.0.1:9779/data1/5',
      'data/10.0.0.1:9779/data1/5',
    ])
    expect(at(true)).toEqual([
      'storage/10.0.0.1/9779/5',
      'storage/10.0.0.1/9779/data1/5',
      'data/10.0.0.1/9779/data1/5',
    ])
    for (const folder of [...at(false), ...at(true)]) {
      const part = parseOfficialPath(`${folder}/data/CURRENT`) as OfficialPart & { kind: 'data' }
      expect(part).toMatchObject({ path: folder, rest: 'data/CURRENT' })
      expect(part.folder).toMatchObject({ address: '10.0.0.1:9779', space: 5 })
    }
  })

  it('have no place for a second data path in A, nor for logs apart', () => {
    const place = { splitsPort: false }
    const root = { kind: 'data', address: 'a:1', data: 1, space: 5 } as const
    expect(officialFolder(root, 'A', place)).toBeUndefined()
    expect(officialFolder({ kind: 'wal', address: 'a:1', space: 5 }, 'B', place)).toBeUndefined()
  })

  it.each([
    'NAME.meta',
    'meta/a/b',
    'storage/a:9779/data0/1',
    'storage/a:9779/data0/0/x',
    'storage/a:9779/data0/01/x',
    'storage/a:99999/data0/1/x',
    'storage/..:9779/data0/1/x',
    'storage/a:9779/data0/99999999999/x',
    'data/a:9779/1/x',
    'elsewhere/a:9779/data0/1/x',
  ])('%s is none', path => {
    expect(parseOfficialPath(path)).toBeUndefined()
  })
})

describe('listing backups of the official BR', () => {
  it('tells of each generation what its .meta says', async () => {
    const names = [
      'BACKUP_2020_12_21_01_17_53',
      'BACKUP_2021_07_16_02_39_04',
      'BACKUP_2022_08_08_10_23_43',
      'BACKUP_2023_01_01_00_00_00',
    ]
    for (const [index, generation] of (['2.0', '2.1', '3.0', '3.3'] as const).entries()) {
      await putTree(storage, officialTree({ generation, name: names[index] ?? '' }))
    }
    await storage.put(key('BACKUP_1'), Buffer.of(1), quietIo)
    await storage.put(key('BACKUP_old/x'), Buffer.of(1), quietIo)
    await storage.put(key('other/x'), Buffer.of(1), quietIo)
    const common = { spaces: ['football', 'nba'], state: 'complete', problem: null }
    const timed = { ...common, created: '2021-07-16T02:39:05.000Z', full: true, all_spaces: true }
    expect(await list()).toEqual([
      { ...common, name: names[0], generation: 'A', created: null, full: null, all_spaces: null },
      { ...timed, name: names[1], generation: 'B' },
      { ...timed, name: names[2], generation: 'C' },
      { ...timed, name: names[3], generation: 'C' },
    ])
  })

  it('asks once for each, however much it holds', async () => {
    await putTree(storage, officialTree({ generation: '2.1' }))
    let listed = 0
    const counting: Storage = {
      ...storage,
      list: async function* (prefix, io, after) {
        for await (const object of storage.list(prefix, io, after)) {
          listed += 1
          yield object
        }
      },
    }
    expect(await listOfficial(storagePlace(counting), quietIo)).toHaveLength(1)
    expect(listed).toBeLessThan(4)
  })

  const tree = officialTree({ generation: '2.1' })
  const metaName = `${tree.name}.meta`
  const whole = Buffer.from(tree.files[metaName] ?? [])
  const flipped = (at: number, value: number) => {
    const bytes = Buffer.from(whole)
    bytes[at] = value
    return bytes
  }
  it.each([
    ['no .meta', undefined, 'is not there: the backup did not end'],
    ['an empty one', Buffer.alloc(0), 'is empty'],
    ['a cut one', whole.subarray(0, -1), 'is damaged: '],
    ['one with more behind it', Buffer.concat([whole, Buffer.of(0)]), 'is damaged: '],
    ['text', Buffer.from('<html>not found</html>'), 'is damaged: '],
    ['a wrong type', flipped(4, 0x0f), 'is damaged: '],
    ['a huge count', flipped(9, 0x7f), 'is damaged: '],
    [
      'one of another backup',
      metaBytes({ ...tree.meta, name: 'BACKUP_2021_07_16_02_39_05' }),
      'is of another backup',
    ],
    [
      'no file of a metad',
      metaBytes({ ...tree.meta, metaFiles: [] }),
      'names no file of the metad',
    ],
    [
      'a host that leads elsewhere',
      metaBytes({
        ...tree.meta,
        spaces: tree.meta.spaces.map(space => ({
          ...space,
          hosts: [{ host: { host: '../..', port: 1 }, checkpoints: [] }],
        })),
      }),
      'is the address of no service',
    ],
  ])('says why one is broken: %s', async (_what, meta, problem) => {
    await putTree(storage, tree, { [metaName]: meta })
    const [found, ...others] = await list()
    expect(others).toEqual([])
    expect(found).toMatchObject({ name: tree.name, state: 'broken', generation: 'B', spaces: [] })
    expect(found?.problem).toContain(problem)
  })

  it('knows the generation of a broken one by its folders only', async () => {
    for (const [generation, layout] of [
      ['2.0', 'A'],
      ['3.0', 'C'],
    ] as const) {
      storage = createMemoryStorage('br')
      const broken = officialTree({ generation })
      await putTree(storage, broken, { [`${broken.name}.meta`]: undefined })
      expect((await list())[0]).toMatchObject({ generation: layout, state: 'broken' })
    }
    storage = createMemoryStorage('br')
    await storage.put(key('BACKUP_2021_07_16_02_39_04/x'), Buffer.of(1), quietIo)
    expect((await list())[0]).toMatchObject({ generation: null, state: 'broken' })
  })
})

describe('verifying a backup of the official BR', () => {
  it.each([
    ['2.0', 'A', 4],
    ['2.1', 'B', 8],
    ['3.0', 'C', 8],
    ['3.3', 'C', 8],
  ] as const)('finds a whole one of %s whole', async (generation, layout, checkpoints) => {
    for (const splitsPort of [false, true]) {
      storage = createMemoryStorage('br')
      const tree = officialTree({ generation, splitsPort })
      await putTree(storage, tree)
      expect(await verify(tree.name)).toEqual({
        backup: tree.name,
        generation: layout,
        spaces: 2,
        checkpoints,
        files: Object.keys(tree.files).length,
        bytes: Object.values(tree.files).reduce((sum, bytes) => sum + bytes.length, 0),
        ssts: checkpoints * 2 + 3,
        faults: [],
        fault_count: 0,
        unexpected: [],
      })
    }
  })

  it('tells all faults at once', async () => {
    const tree = officialTree({ generation: '2.1' })
    const folder = (host: number, data: number, space: number) =>
      `storage/192.168.8.${host}:9779/data${data}/${space}`
    const gone = Object.fromEntries(
      Object.keys(tree.files)
        .filter(path => path.startsWith(`${folder(2, 1, 7)}/`))
        .map(path => [path, undefined]),
    )
    await putTree(storage, tree, {
      ...gone,
      'meta/__parts__.sst': undefined,
      'meta/__users__.sst': Buffer.alloc(0),
      'meta/__other__.sst': Buffer.of(1),
      'notes.txt': Buffer.of(1),
      'data/192.168.8.1:9779/data0/1/data/CURRENT': Buffer.of(1),
      [`${folder(1, 0, 1)}/data/000009.sst`]: undefined,
      [`${folder(1, 0, 1)}/data/000012.sst`]: Buffer.from('short'),
      [`${folder(1, 0, 7)}/data/CURRENT`]: undefined,
      [`${folder(1, 1, 1)}/data/CURRENT`]: Buffer.from('MANIFEST-000006\n'),
      [`${folder(1, 1, 7)}/data/CURRENT`]: Buffer.from('../../../etc/passwd\n'),
      [`${folder(2, 0, 1)}/data/MANIFEST-000005`]: logOf([comparator]).subarray(0, -1),
      [`${folder(2, 0, 7)}/data/OPTIONS-000007`]: Buffer.alloc(0),
      [`${folder(2, 1, 1)}/wal/2/0000000000000000001.wal`]: Buffer.alloc(0),
    })
    const { faults, fault_count, unexpected } = await verify(tree.name)
    expect(fault_count).toBe(10)
    expect(faults.map(({ path, problem }) => `${path} ${problem}`).sort()).toEqual(
      [
        ' the checkpoint of space 7 on 192.168.8.2:9779, data path 1, is not there',
        'meta/__parts__.sst is not there',
        'meta/__users__.sst is empty',
        `${folder(1, 0, 1)}/data/000009.sst is not there, and MANIFEST-000005 needs it`,
        `${folder(1, 0, 1)}/data/000012.sst has 5 bytes; MANIFEST-000005 says ${'another sst of nba1921688197790'.length}`,
        `${folder(1, 0, 7)}/data/CURRENT is not there`,
        `${folder(1, 1, 1)}/data/MANIFEST-000006 is not there, and CURRENT names it`,
        `${folder(1, 1, 7)}/data/CURRENT does not name a MANIFEST`,
        `${folder(2, 0, 1)}/data/MANIFEST-000005 ends in the middle of a record`,
        `${folder(2, 0, 7)}/data/OPTIONS-000007 is empty`,
      ].sort(),
    )
    expect(unexpected).toEqual(['data/192.168.8.1:9779/data0/1', 'meta/__other__.sst', 'notes.txt'])
  })

  it('tells of a damaged .meta as of any fault', async () => {
    const tree = officialTree({ generation: '2.1' })
    await putTree(storage, tree, { [`${tree.name}.meta`]: Buffer.from('no meta') })
    expect(await verify(tree.name)).toMatchObject({ generation: null, fault_count: 1 })
    expect(await verify('BACKUP_2021_07_16_02_39_05')).toMatchObject({
      faults: [{ path: 'BACKUP_2021_07_16_02_39_05.meta' }],
    })
  })

  it('needs no SST that compactions have replaced', async () => {
    const { CURRENT, ...rest } = fakeRocksDb({ 9: 'nine' })
    const files = { ...rest, CURRENT: CURRENT ?? Buffer.alloc(0) }
    const manifest = logOf([comparator, newFile(4, 100), Buffer.from([6, 0, 4]), newFile(9, 4)])
    const tree = officialTree({
      generation: '3.3',
      rocksDb: () => ({ ...files, 'MANIFEST-000005': manifest, '000004.sst': Buffer.of(1) }),
    })
    await putTree(storage, tree)
    expect(await verify(tree.name)).toMatchObject({ fault_count: 0, ssts: 8 + 3 })
  })
})
