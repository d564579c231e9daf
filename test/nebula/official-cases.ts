import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { exportBackup } from '../../src/modules/nebula/export-backup.ts'
import { importBackup } from '../../src/modules/nebula/import-backup.ts'
import { officialBackups } from '../../src/modules/nebula/official-backups.ts'
import { verifyOfficial } from '../../src/modules/nebula/verify-official.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { createHdfsStorage } from '../../src/storage/hdfs/hdfs.ts'
import { key } from '../../src/storage/key.ts'
import { createOssStorage } from '../../src/storage/oss/oss.ts'
import { createS3Storage } from '../../src/storage/s3/s3.ts'
import { type Files, realRocksDb } from '../databases/nebula/official/rocksdb-files.ts'
import {
  filesIn,
  type OfficialTree,
  officialTree,
  putTree,
} from '../databases/nebula/official-tree.ts'
import { applyAt, makeSite, planAt } from '../modules/repository/site.ts'
import { type Hdfs, startHdfs } from '../servers/hdfs.ts'
import { type OssProcess, startOssProcess } from '../servers/oss-server-process.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { startVersitygw } from '../servers/versitygw.ts'

const tools = { clock: systemClock, random: systemRandom }
const cluster = {
  name: 'graph',
  kind: 'nebula',
  roles: { metad: ['m'], storaged: ['a'] },
  hosts: ['m', 'a'],
  settings: {},
}
/** Each place, and the generation whose BR could write there. */
const generations = { s3: '3.3', oss: '2.1', hdfs: '2.1', file: '2.0' } as const

export type Kind = keyof typeof generations

const sums = (files: Files): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(files)
      .map(([at, bytes]) => [at, createHash('sha256').update(bytes).digest('hex')] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

/** Backups of the official BR in storages of these kinds, through all that bkp does with them. */
export function officialIn(...kinds: readonly Kind[]): void {
  let folder: string
  let s3: S3Server
  let oss: OssProcess
  let hdfs: Hdfs
  let rocks: Files
  const stops: (() => Promise<void>)[] = []
  async function start(kind: Kind): Promise<void> {
    if (kind === 's3') s3 = await startVersitygw()
    if (kind === 'oss') oss = await startOssProcess()
    if (kind === 'hdfs') hdfs = await startHdfs()
    const started = { s3, oss, hdfs, file: undefined }[kind]
    if (started !== undefined) stops.push(async () => await started.stop())
  }
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bkp-official-'))
    rocks = realRocksDb('row', 2000)
    await Promise.all(kinds.map(start))
  })
  afterAll(async () => {
    await Promise.all(stops.map(stop => stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  function open(kind: Kind, name: string): Storage {
    if (kind === 's3') return createS3Storage(s3.place(name), tools)
    if (kind === 'oss')
      return createOssStorage(
        { ...oss.place(name), authorization: 'v4' },
        { ...tools, environment: {} },
      )
    if (kind === 'hdfs') return createHdfsStorage(hdfs.place(`/${name}`), tools)
    return createFileStorage({ directory: join(folder, name) })
  }

  describe('backups of the official BR with checkpoints of a real RocksDB', () => {
    it.each(kinds)('are listed, verified, imported and written again in %s', async kind => {
      const tree: OfficialTree = officialTree({
        generation: generations[kind],
        spaces: { 1: 'nba' },
        hosts: ['192.168.8.1:9779'],
        dataPaths: kind === 's3' ? 2 : 1,
        splitsPort: kind === 'hdfs',
        rocksDb: () => rocks,
      })
      const br = open(kind, 'br')
      const copy = open(kind, 'copy')
      const vault = open(kind, 'vault')
      const made = makeSite({
        hosts: [],
        storage: vault,
        storages: { br, copy },
        clusters: [cluster],
      })
      // These storages have clocks of their own, which that of a backup is held to.
      const next = (step: string) => {
        const site = made.next(step)
        return { ...site, run: { ...site.run, clock: systemClock } }
      }
      await putTree(br, tree)
      const broken = { name: 'BACKUP_2021_07_17_00_00_00', files: { 'meta/x': Buffer.of(1) } }
      await putTree(br, broken)
      const { backups } = await applyAt(next('1'), officialBackups, { from: 'br' })
      expect(backups.map(({ name, state }) => [name, state])).toEqual([
        [tree.name, 'complete'],
        [broken.name, 'broken'],
      ])
      const args = { from: 'br', backup: tree.name, storage: 'vault', cluster: 'graph' }
      const checked = await applyAt(next('2'), verifyOfficial, args)
      expect(checked.ssts).toBeGreaterThan(checked.checkpoints)
      const done = await applyAt(next('3'), importBackup, args)
      expect(done.files).toBe(Object.keys(tree.files).length - 1)
      const out = { storage: 'vault', to: 'copy' }
      expect(await applyAt(next('4'), exportBackup, out)).toMatchObject({ put: done.files })
      expect(sums(await filesIn(copy, `${tree.name}/`))).toEqual(sums(tree.files))
      expect(await planAt(next('5'), exportBackup, out)).toMatchObject({ kind: 'unchanged' })
      const again = { ...args, from: 'copy' }
      expect(await planAt(next('6'), importBackup, again)).toMatchObject({ kind: 'unchanged' })
      await applyAt(next('7'), verifyOfficial, again)
      const sst = Object.keys(tree.files).find(at => at.endsWith('.sst') && !at.startsWith('meta/'))
      await copy.delete([key(`${tree.name}/${sst}`)], quietIo)
      await expect(applyAt(next('8'), verifyOfficial, again)).rejects.toMatchObject({
        code: 'nebula.backup_invalid',
        details: { fault_count: 1, faults: [{ path: sst }] },
      })
    })
  })
}
