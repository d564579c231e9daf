import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import type { Generation } from '../../../src/databases/nebula/contract.ts'
import { readBackupMetadata } from '../../../src/databases/nebula/metadata/read.ts'
import { exportBackup } from '../../../src/modules/nebula/export-backup.ts'
import { importBackup } from '../../../src/modules/nebula/import-backup.ts'
import { officialBackups } from '../../../src/modules/nebula/official-backups.ts'
import { verifyOfficial } from '../../../src/modules/nebula/verify-official.ts'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import { BackupFile_Type } from '../../../src/repository/manifest.ts'
import { readFileContent, readFileEntries } from '../../../src/repository/read.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import type { Files } from '../../databases/nebula/official/rocksdb-files.ts'
import {
  filesIn,
  type OfficialTree,
  officialTree,
  putTree,
} from '../../databases/nebula/official-tree.ts'
import { makeRestoreScene, type RestoreScene } from '../../repository/restore/scene.ts'
import { type Bucket, makeBucket } from '../../repository/sources/bucket.ts'
import { applyAt, makeSite, planAt } from '../repository/site.ts'

/** Bytes as an expectation compares them fast. */
const sums = (files: Files): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(files)
      .map(([at, bytes]) => [at, createHash('sha256').update(bytes).digest('hex')] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

let scene: RestoreScene
let br: Storage
let copy: Bucket
let site: ReturnType<typeof makeSite>
const instance = (address: string) => [{ address, data_dirs: ['/data/s0', '/data/s1'] }]
const cluster = {
  name: 'graph',
  kind: 'nebula',
  roles: { metad: ['m'], storaged: ['a', 'b'] },
  hosts: ['m', 'a', 'b'],
  settings: {
    instances: {
      metad: { m: [{ address: '192.168.8.9:9559', data_dirs: ['/data/meta'] }] },
      storaged: { a: instance('192.168.8.1:9779'), b: instance('192.168.8.2:9779') },
    },
  },
}
beforeEach(() => {
  scene = makeRestoreScene(['m', 'a', 'b'])
  br = createMemoryStorage('br')
  copy = makeBucket('copy')
  site = makeSite({ ...scene, storages: { br, copy: copy.storage }, clusters: [cluster] })
})
afterEach(async () => {
  await scene.close()
})

const small = { hosts: ['192.168.8.1:9779'], spaces: { 1: 'nba' } } as const

const importArgs = ({ name }: Pick<OfficialTree, 'name'>) => ({
  from: 'br',
  backup: name,
  storage: 'vault',
  cluster: 'graph',
})

/** What the newest backup of ours holds, by host and path, and its metadata. */
async function newest() {
  const repo = await openRepository(scene.storage, quietIo)
  const backup = await resolveBackup(repo, { backup: 'latest' }, quietIo)
  const files: Record<string, string> = {}
  for await (const file of readFileEntries(repo, backup, quietIo)) {
    const parts: Uint8Array[] = []
    for await (const part of readFileContent(repo, file, quietIo)) parts.push(part)
    const at = `${file.host}:${Buffer.from(file.path).toString()}`
    if (file.type === BackupFile_Type.FILE) files[at] = Buffer.concat(parts).toString('latin1')
    else files[`${at}/`] = ''
  }
  const { metadataJson = '', labels = {} } = backup.manifest.backupMeta ?? {}
  return { files, labels, metadata: readBackupMetadata(JSON.parse(metadataJson)) }
}

describe('backups of the official BR', () => {
  it.each(['2.0', '2.1', '3.0', '3.3'] as const)(
    'of %s go into a repository and come out again, byte for byte',
    async generation => {
      // One of them with several hosts and spaces: the layouts differ, not how many there are.
      const tree = officialTree({ generation, ...(generation === '2.1' ? {} : small) })
      await putTree(br, tree)
      const args = importArgs(tree)
      expect(await planAt(site.site, importBackup, args)).toMatchObject({
        kind: 'change',
        changes: [{ action: 'create', target: 'backup of graph in vault' }],
        binding: { br_backup: tree.name },
      })
      const done = await applyAt(site.site, importBackup, args)
      expect(done).toMatchObject({ files: Object.keys(tree.files).length - 1, warnings: [] })
      const out = { storage: 'vault', to: 'copy' }
      const exported = await applyAt(site.next('2'), exportBackup, out)
      expect(exported).toMatchObject({
        backup: done.backup,
        official: tree.name,
        put: Object.keys(tree.files).length - 1,
        unchanged: 0,
        warnings: [],
      })
      expect(sums(await filesIn(copy.storage, `${tree.name}/`))).toEqual(sums(tree.files))
      // The .meta says that all is there, so it comes last.
      expect(copy.writes.at(-1)).toBe(`put ${tree.name}/${tree.name}.meta`)
      const listed = await applyAt(site.next('3'), officialBackups, { from: 'copy' })
      expect(listed.backups).toMatchObject([{ name: tree.name, state: 'complete' }])
      const check = { from: 'copy', backup: tree.name }
      expect(await applyAt(site.next('4'), verifyOfficial, check)).toMatchObject({
        spaces: tree.meta.spaces.length,
      })
      // From there again: the same trees, and not a block more.
      const again = { ...args, from: 'copy', labels: { other: 'yes' } }
      const first = (await newest()).files
      await copy.set(
        `${tree.name}/${tree.name}.meta`,
        Buffer.from(tree.files[`${tree.name}.meta`] ?? []),
      )
      expect(await planAt(site.next('5'), importBackup, again)).toMatchObject({ kind: 'unchanged' })
      expect((await newest()).files).toEqual(first)
    },
  )

  it('bring what a restore needs to know', async () => {
    const tree = officialTree({ generation: '2.1' })
    await putTree(br, tree)
    await applyAt(site.site, importBackup, { ...importArgs(tree), labels: { why: 'move' } })
    const { files, labels, metadata } = await newest()
    expect(labels).toMatchObject({ source: 'br', br_backup: tree.name, why: 'move' })
    expect(metadata).toMatchObject({
      name: tree.name,
      generation: '2.1',
      created: '2021-07-16T02:39:05.000Z',
      all_spaces: true,
      answered_by: '192.168.8.9:9559',
      meta_files: ['__parts__.sst', '__spaces__.sst', '__users__.sst'],
      meta: Buffer.from(tree.files[`${tree.name}.meta`] ?? []).toString('base64'),
    })
    expect(metadata.storageds).toEqual([
      {
        address: '192.168.8.1:9779',
        host: 'a',
        version: null,
        data_dirs: ['/data/s0', '/data/s1'],
        wal_dir: null,
      },
      {
        address: '192.168.8.2:9779',
        host: 'b',
        version: null,
        data_dirs: ['/data/s0', '/data/s1'],
        wal_dir: null,
      },
    ])
    expect(metadata.spaces.map(({ id, name, logs }) => ({ id, name, logs }))).toEqual([
      { id: 1, name: 'nba', logs: { 1: { log: '10', term: '2' }, 2: { log: '10', term: '2' } } },
      {
        id: 7,
        name: 'football',
        logs: { 1: { log: '10', term: '2' }, 2: { log: '10', term: '2' } },
      },
    ])
    expect(metadata.roots).toHaveLength(9)
    const below = 'a:storaged/192.168.8.1:9779/data1/7'
    const of = Object.keys(files).filter(at => at.startsWith(below))
    expect(of).toEqual([
      `${below}/`,
      `${below}/data/`,
      ...['000009.sst', '000012.sst', 'CURRENT', 'MANIFEST-000005', 'OPTIONS-000007'].map(
        name => `${below}/data/${name}`,
      ),
      `${below}/wal/`,
      `${below}/wal/2/`,
      `${below}/wal/2/0000000000000000001.wal`,
    ])
    expect(files['m:meta/__spaces__.sst']).toBe('rows of __spaces__.sst')
  })

  it('are imported by what they hold: what is there already is not sent', async () => {
    const tree = officialTree({ generation: '3.3', ...small })
    await putTree(br, tree)
    await applyAt(site.site, importBackup, importArgs(tree))
    const later = officialTree({ generation: '3.3', ...small, name: 'BACKUP_2021_07_17_02_39_04' })
    await putTree(br, later)
    const done = await applyAt(site.next('2'), importBackup, importArgs(later))
    expect(done).toMatchObject({ new_bytes: 0, files: Object.keys(tree.files).length - 1 })
    expect((await newest()).labels).toMatchObject({ br_backup: later.name })
  })

  it('go under the names of addresses where the cluster does not know them', async () => {
    const tree = officialTree({ generation: '3.0', ...small, hosts: ['10.1.1.1:9779'] })
    await putTree(br, tree)
    const { warnings } = await applyAt(site.site, importBackup, importArgs(tree))
    expect(warnings).toEqual([
      'not addresses of graph: 10.1.1.1:9779; a restore needs to be told where they go',
    ])
    const { files } = await newest()
    expect(files['10.1.1.1:storaged/10.1.1.1:9779/data0/1/data/CURRENT']).toBeDefined()
  })

  it('are not imported where something of them is missing: all of it is told', async () => {
    const tree = officialTree({ generation: '2.1' })
    const gone = Object.keys(tree.files).filter(at =>
      at.startsWith('storage/192.168.8.1:9779/data0/'),
    )
    await putTree(br, tree, {
      ...Object.fromEntries(gone.map(at => [at, undefined])),
      'meta/__spaces__.sst': undefined,
    })
    await expect(planAt(site.site, importBackup, importArgs(tree))).rejects.toMatchObject({
      code: 'nebula.backup_invalid',
      faults: [
        {
          message:
            'memory://br: the checkpoint of space 1 on 192.168.8.1:9779, data path 0, is not there',
        },
        {
          message:
            'memory://br: the checkpoint of space 7 on 192.168.8.1:9779, data path 0, is not there',
        },
        { message: 'memory://br: meta/__spaces__.sst is not there' },
      ],
    })
  })

  it('of a local backend are put together from the hosts that hold their parts', async () => {
    const tree = officialTree({ generation: '2.1' })
    const folders = {
      m: ['meta/', `${tree.name}.meta`],
      a: ['storage/192.168.8.1'],
      b: ['storage/192.168.8.2'],
    }
    // All three hosts are this machine here: each has all, and the first one's counts.
    const path = join(scene.folder, 'br [1]')
    for (const [at, bytes] of Object.entries(tree.files)) {
      if (
        !Object.values(folders)
          .flat()
          .some(begin => at.startsWith(begin))
      )
        continue
      mkdirSync(dirname(join(path, tree.name, at)), { recursive: true })
      writeFileSync(join(path, tree.name, at), bytes)
    }
    const from = { path, hosts: ['m', 'a'] }
    const { backups } = await applyAt(site.site, officialBackups, { from })
    expect(backups).toMatchObject([{ name: tree.name, generation: 'B', state: 'complete' }])
    const check = { from, backup: tree.name }
    expect(await applyAt(site.site, verifyOfficial, check)).toMatchObject({ checkpoints: 8 })
    const done = await applyAt(site.site, importBackup, { ...importArgs(tree), from })
    expect(done.files).toBe(Object.keys(tree.files).length - 1)
    const { files } = await newest()
    expect(files['m:storaged/192.168.8.1:9779/data0/1/data/CURRENT']).toBe('MANIFEST-000005\n')
    await expect(
      applyAt(site.site, officialBackups, { from: { path, hosts: ['x'] } }),
    ).rejects.toMatchObject({ code: 'cluster.hosts_missing' })
  })

  it('fail a verification with all that is wrong', async () => {
    const tree = officialTree({ generation: '3.3' })
    await putTree(br, tree, {
      'meta/__spaces__.sst': undefined,
      'data/192.168.8.1:9779/data0/1/data/000009.sst': undefined,
    })
    const args = { from: 'br', backup: tree.name }
    expect(await planAt(site.site, verifyOfficial, args)).toMatchObject({ changesNothing: true })
    await expect(applyAt(site.site, verifyOfficial, args)).rejects.toMatchObject({
      code: 'nebula.backup_invalid',
      message: [
        `memory://br: ${tree.name} is not whole: 2 faults`,
        '  data/192.168.8.1:9779/data0/1/data/000009.sst is not there, and MANIFEST-000005 needs it',
        '  meta/__spaces__.sst is not there',
      ].join('\n'),
    })
  })
})

describe('nebula.export_backup', () => {
  const out = { storage: 'vault', to: 'copy' }
  const large = 'nba1921688197790'
  const imported = async (
    generation: Generation,
    rows = 'row after row ',
  ): Promise<OfficialTree> => {
    const tree = officialTree({
      generation,
      ...small,
      rocksDb: seed => ({
        CURRENT: Buffer.from('MANIFEST-000005\n'),
        'MANIFEST-000005': Buffer.from(`manifest of ${seed}`),
        '000009.sst': Buffer.from(`${seed} ${rows}`.repeat(seed === large ? 40_000 : 3)),
      }),
    })
    await putTree(br, tree)
    await applyAt(site.site, importBackup, importArgs(tree))
    return tree
  }

  it('goes on where it was killed, and has nothing to do when all is there', async () => {
    const tree = await imported('3.3')
    let left = 7
    copy.onWrite = what => {
      left -= 1
      if (left < 0) throw new Error(`killed at ${what}`)
    }
    await expect(applyAt(site.next('2'), exportBackup, out)).rejects.toThrow('killed')
    copy.onWrite = undefined
    expect(await filesIn(copy.storage, `${tree.name}/${tree.name}.meta`)).toEqual({})
    copy.writes.length = 0
    const all = Object.keys(tree.files).length - 1
    const done = await applyAt(site.next('3'), exportBackup, out)
    expect(done).toMatchObject({ put: all - 7, unchanged: 7 })
    expect(copy.writes).toHaveLength(all - 7 + 1)
    expect(await planAt(site.next('4'), exportBackup, out)).toMatchObject({
      kind: 'unchanged',
      result: { put: 0, unchanged: all },
    })
    expect(sums(await filesIn(copy.storage, `${tree.name}/`))).toEqual(sums(tree.files))
  })

  it('replaces what has the right size and other bytes, small or large', async () => {
    const tree = await imported('3.3')
    const folder = `${tree.name}/data/192.168.8.1:9779/data0/1/data`
    const sst = Buffer.from(tree.files['data/192.168.8.1:9779/data0/1/data/000009.sst'] ?? [])
    sst[sst.length - 1] = 1
    await copy.set(`${folder}/CURRENT`, 'MANIFEST-000006\n')
    await copy.set(`${folder}/000009.sst`, sst)
    const { unchanged } = await applyAt(site.next('2'), exportBackup, out)
    expect(unchanged).toBe(0)
    expect(await filesIn(copy.storage, `${folder}/CURRENT`)).toEqual({
      '': Buffer.from('MANIFEST-000005\n'),
    })
  })

  it.each([
    ['a .meta of another', `${'BACKUP_2021_07_16_02_39_04'}.meta`],
    ['a file of another', 'data/192.168.8.1:9779/data0/1/data/999999.sst'],
  ])('writes nothing where %s is there', async (_what, at) => {
    const tree = await imported('3.3', '')
    await copy.set(`${tree.name}/${at}`, 'other')
    await expect(planAt(site.next('2'), exportBackup, out)).rejects.toMatchObject({
      code: 'restore.conflict',
      message: `memory://copy holds below ${tree.name}/ what is not of this backup: ${tree.name}/${at}`,
    })
    expect(copy.writes).toEqual([])
  })

  it.each([
    ['2.1', 'A', 'nebula.version'],
    ['2.0', 'B', 'nebula.version'],
    ['3.0', 'B', 'nebula.version'],
  ] as const)(
    'does not write %s in the layout of %s: its BR could not read it',
    async (generation, layout, code) => {
      await imported(generation, '')
      await expect(planAt(site.next('2'), exportBackup, { ...out, layout })).rejects.toMatchObject({
        code,
      })
    },
  )

  it('takes backups of NebulaGraph only', async () => {
    await scene.backUp([{ path: scene.folder, as: '/x' }])
    await expect(planAt(site.next('2'), exportBackup, out)).rejects.toMatchObject({
      code: 'nebula.backup_invalid',
      message: expect.stringContaining('is not one of NebulaGraph'),
    })
  })

  it('writes ports as folders in HDFS', async () => {
    const tree = await imported('2.1', '')
    const hdfs = { ...copy.storage, url: 'hdfs://namenode:9870/copy' }
    const there = makeSite({ ...scene, storages: { hdfs }, clusters: [cluster] })
    await applyAt(there.next('2'), exportBackup, { ...out, to: 'hdfs' })
    const written = Object.keys(await filesIn(copy.storage))
    expect(written).toContain(`${tree.name}/storage/192.168.8.1/9779/data0/1/data/CURRENT`)
    expect(written.some(at => at.includes(':'))).toBe(false)
    await copy.storage.delete([key(`${tree.name}/${tree.name}.meta`)], quietIo)
    await applyAt(there.next('3'), exportBackup, { ...out, to: 'hdfs' })
    expect(
      (await applyAt(site.next('4'), officialBackups, { from: 'copy' })).backups,
    ).toMatchObject([{ state: 'complete' }])
  })
})
