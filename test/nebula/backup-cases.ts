import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readBackupMetadata } from '../../src/databases/nebula/backup-metadata.ts'
import { decodeMetaFile } from '../../src/databases/nebula/meta-file.ts'
import type { Fault, NebulaOptions } from '../servers/nebula/contract.ts'
import { until } from '../servers/nebula/control.ts'
import { explain, listBackups } from '../slice/bkp.ts'
import { traceOpens } from '../slice/trace.ts'
import {
  blockLonger,
  cutOff,
  expectNothingLeft,
  failureOf,
  type NebulaScene,
  type Ran,
  requireDone,
  startScene,
  tidyUp,
} from './scene.ts'

/** What a successful run has to have brought. */
function expectWhole({ results, outcome }: Ran, spaces = 1) {
  requireDone(outcome)
  const made = results['nebula.create_backup']
  const metadata = readBackupMetadata(made?.['metadata'])
  expect(metadata.spaces).toHaveLength(spaces)
  expect(metadata.roots.filter(({ as }) => as === 'meta')).toHaveLength(1)
  const official = decodeMetaFile(Buffer.from(metadata.meta, 'base64'))
  expect(official.meta).toMatchObject({ name: metadata.name, generation: metadata.generation })
  expect(Object.keys(made?.['paths'] as object).sort()).toEqual(
    [...new Set(metadata.roots.map(({ host }) => host))].sort(),
  )
  return metadata
}

const nameOf = ({ generation, version, metads }: NebulaOptions): string =>
  `playbooks/nebula/backup.yml with ${version ?? generation}, ${metads ?? 1} metads`

/** What differs between generations: paths, and whether a failure leaves writes blocked. */
export function shortBackupCases(options: NebulaOptions): void {
  describe(nameOf(options), () => {
    let scene: NebulaScene
    beforeAll(async () => {
      scene = await startScene({ ...options, metads: 1, storageds: 2 })
    })
    beforeEach(async () => await tidyUp(scene))
    afterAll(async () => await scene?.stop())

    it('backs up all data paths, and leaves nothing', async () => {
      expectAllPaths(scene.play('backup'), options, 2)
      await expectNothingLeft(scene)
    })

    // 2.x does the same: at night.
    it.runIf(options.generation === '3.0')(
      'lets writers go on after an export of the meta that failed',
      async () => {
        await expectExportFails(scene, options)
      },
    )
  })
}

function expectAllPaths(ran: Ran, { walPath = false }: NebulaOptions, storageds: number): void {
  const { roots } = expectWhole(ran)
  expect(roots.filter(({ data }) => data !== undefined)).toHaveLength(2 * storageds)
  expect(roots.some(({ as }) => as.includes('/wal/'))).toBe(walPath)
}

/** 3.1 and later unblock themselves after such a failure; for all before it is bkp that does. */
async function expectExportFails(scene: NebulaScene, options: NebulaOptions): Promise<void> {
  const { cluster } = scene
  await cluster.fault(await cluster.leader(), {
    method: 'createBackup:export',
    code: 'E_STORE_FAILURE',
    delayMs: 300,
  })
  await cluster.write('basketball', 5)
  const ran = scene.play('backup')
  expect(ran.outcome.status, explain(ran.outcome)).toBe(2)
  const message = failureOf(ran, 'nebula.create_backup')
  expect(message).toMatch(/E_BACKUP_FAIL/)
  expect(message.includes('blocked are let go')).toBe(options.generation !== '3.3')
  const before = await cluster.writers()
  expect(before.every(({ refused }) => refused > 0)).toBe(true)
  await until('everybody writes again', async () =>
    (await cluster.writers()).every(({ written }, at) => written > (before[at]?.written ?? 0)),
  )
  await cluster.write('basketball', 0)
  await expectNothingLeft(scene)
}

/** SSTs of live databases of each host, by name. */
function liveSsts({ cluster }: NebulaScene): readonly ReadonlySet<string>[] {
  return cluster.storageds.map(({ host, dataDirs }) => {
    const folders = dataDirs.map(dir => `${dir}/nebula/*/data`).join(' ')
    return new Set(
      cluster
        .run(host, `find ${folders} -name '*.sst' -printf '%f\\n'`)
        .split('\n')
        .filter(Boolean),
    )
  })
}

const faults: readonly (readonly [what: string, fault: Fault, said: RegExp])[] = [
  ['the answer is lost', { method: 'createBackup', drop: 'after' }, /is dropped/],
  [
    'blocking fails',
    { method: 'blockingWrites', code: 'E_RPC_FAILURE' },
    /E_BLOCK_WRITE_FAILURE.*blocked are let go/,
  ],
  ['a checkpoint fails', { method: 'createCheckpoint', code: 'E_FAILED_TO_CHECKPOINT' }, /E_RPC_/],
]

/** Everything that can happen to a backup, on a cluster with several metads. */
export function backupCases(options: NebulaOptions, when: 'by day' | 'at night'): void {
  describe(nameOf(options), () => {
    let scene: NebulaScene
    beforeAll(async () => {
      scene = await startScene(options)
    })
    beforeEach(async () => await tidyUp(scene))
    afterEach(async () => {
      await scene.cluster.clearFaults()
      await scene.cluster.settled()
    })
    afterAll(async () => await scene?.stop())

    it('counts, backs up, copies as BR does, and leaves nothing', async () => {
      // The BR of 2.0 knows one data path, and these storageds have two.
      const isCopied = options.generation !== '2.0'
      const official = isCopied ? { official_copy: 'official' } : {}
      const ran = await scene.playAsPlanned('backup', { fingerprint: true, ...official })
      expectAllPaths(ran, options, scene.cluster.storageds.length)
      const { name, spaces, meta } = expectWhole(ran)
      // 100 vertices and edges in each of 6 partitions, by tag and edge type.
      expect(spaces[0]?.fingerprint).toMatchObject({ vertices: 600, edges: 600 })
      if (isCopied) {
        expect(ran.results['nebula.export_backup']).toMatchObject({ official: name })
        const copied = join(scene.workspace.folder, 'official', name, `${name}.meta`)
        const copy = decodeMetaFile(readFileSync(copied)).meta
        expect(copy.name).toBe(decodeMetaFile(Buffer.from(meta, 'base64')).meta.name)
      }
      await expectNothingLeft(scene)
    })

    it.runIf(when === 'at night' && options.generation !== '2.0')(
      'lists and takes in what it copied, as BR would have it, each as its plan says',
      async () => {
        const from = { from: 'official' }
        const listed = await scene.playAsPlanned('official-list', from)
        requireDone(listed.outcome)
        const { backups } = listed.results['nebula.official_backups'] as {
          readonly backups: readonly { readonly name: string; readonly state: string }[]
        }
        expect(backups.map(({ state }) => state)).toEqual(['complete'])
        const given = { ...from, backup: backups[0]?.name, storage: 'imported' }
        const taken = await scene.playAsPlanned('official-restore', given)
        requireDone(taken.outcome)
        expect(taken.results['nebula.import_backup']?.['files']).toBeGreaterThan(0)
        const again = await scene.playAsPlanned('official-restore', given)
        requireDone(again.outcome)
        const backup = taken.results['nebula.import_backup']?.['backup']
        expect(again.results['nebula.import_backup']).toMatchObject({ backup })
      },
    )

    it('backs up a graph that is written to, reads no SST twice, and forgets by policy', async () => {
      const { cluster, workspace } = scene
      const known = liveSsts(scene)
      const older = listBackups(workspace).filter(({ state }) => state === 'complete')
      await cluster.write('basketball', 5)
      await until('rows are written', async () =>
        (await cluster.writers()).every(({ written }) => written > 0),
      )
      const traces = await Promise.all(
        cluster.storageds.map(({ host }) => {
          const pid = cluster.hosts.hosts.find(({ name }) => name === host)?.pid ?? 0
          return traceOpens(pid, join(workspace.folder, `${host}.strace`))
        }),
      )
      await blockLonger(cluster)
      const ran = scene.play('backup', { max_backups: 1 })
      const opened = await Promise.all(traces.map(trace => trace.stop()))
      await cluster.write('basketball', 0)
      expectWhole(ran)
      expect(Number(ran.results['nebula.create_backup']?.['blocked_ms'])).toBeGreaterThan(0)
      const writers = await cluster.writers()
      for (const { written, refused } of writers)
        expect([written > 0, refused > 0]).toEqual([true, true])
      for (const [index, names] of known.entries()) {
        const read = new Set(
          opened[index]
            ?.filter(path => path.endsWith('.sst'))
            .map(path => path.slice(path.lastIndexOf('/') + 1)),
        )
        expect(names.size).toBeGreaterThan(0)
        expect([...names].filter(name => read.has(name))).toEqual([])
        // What was written meanwhile is new, and was read.
        expect(read.size).toBeGreaterThan(0)
      }
      expect(older.length).toBeGreaterThan(0)
      const forgotten = older.map(({ name }) => name)
      expect(ran.results['repository.vacuum']).toMatchObject({ forgotten })
      await expectNothingLeft(scene)
    })

    // Which faults there are says more of metad than of bkp, which takes them all alike.
    it.each(when === 'by day' ? faults.slice(0, 2) : faults)(
      'leaves nothing behind when %s',
      async (_what, fault, said) => {
        const { cluster } = scene
        const [storaged = await cluster.leader()] = cluster.storageds
        const target = fault.method === 'createBackup' ? await cluster.leader() : storaged
        await cluster.fault(target, fault)
        const ran = scene.play('backup')
        expect(ran.outcome.status, explain(ran.outcome)).toBe(2)
        expect(failureOf(ran, 'nebula.create_backup')).toMatch(said)
        const failure = ran.results['nebula.create_backup']?.['failure']
        expect(failure).toMatchObject({
          log: expect.stringMatching(/nebula-metad\.INFO:\n(.*\n)*.*createBackup/),
        })
        await expectNothingLeft(scene)
      },
    )

    it.runIf(when === 'at night')(
      'lets writers go on after an export of the meta that failed',
      async () => {
        await expectExportFails(scene, options)
      },
    )

    it.skipIf(options.metads === 1)(
      'drops what a metad left that lost the lead, and backs up with the next',
      async () => {
        const { cluster } = scene
        const leader = await cluster.leader()
        await cluster.fault(leader, { method: 'createBackup:export', stepDown: true })
        const ran = scene.play('backup')
        expect(expectWhole(ran).answered_by).not.toBe(leader.address)
        expect(ran.results['nebula.create_backup']?.['lines']).toContainEqual(
          expect.stringMatching(/left that lost the lead, was dropped/),
        )
        await expectNothingLeft(scene)
      },
    )

    it.each(['abort', 'resume'])('leaves nothing behind when it is killed, after %s', async how => {
      const { cluster } = scene
      await cluster.fault(await cluster.leader(), { method: 'createBackup:export', delayMs: 1500 })
      await scene.playAndKill('backup', () =>
        until('writes are blocked', async () => (await cluster.blocked()).length > 0),
      )
      requireDone(scene.bkp(how, cutOff(scene)))
      await expectNothingLeft(scene)
    })
  })
}
