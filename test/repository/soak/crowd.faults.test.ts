import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { listBackups } from '../../../src/repository/catalogue.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import { vacuum } from '../../../src/repository/vacuum/vacuum.ts'
import { verify } from '../../../src/repository/verify.ts'
import { createFileStorage } from '../../../src/storage/file.ts'
import { backUp, backupOptions, quietIo, restoredTree } from '../support.ts'
import { contents, hostIn } from './content.ts'

let folder = ''

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

it('100 backups and 20 vacuums run at once on one repository: every listed backup restores, byte for byte', async () => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-crowd-'))
  const storage = createFileStorage({ directory: join(folder, 'vault') })
  const tools = { clock: systemClock, random: systemRandom, acceptClock: true }
  const backUpOne = (worker: number, version: number) =>
    backUp(
      {
        ...backupOptions(storage, [hostIn(worker, version)], tools),
        cluster: { kind: 'files', name: `set${worker}` },
        labels: { worker: `${worker}`, version: `${version}` },
      },
      quietIo,
    )
  const policy = { maxBackups: 3, minBackups: 1 }
  const vacuumOnce = () =>
    vacuum(
      { ...tools, storage, policy, quarantineMs: 0, confirmed: true, controller: 'crowd' },
      quietIo,
    )
  // What the vacuums may take away.
  for (let version = 0; version < 4; version += 1) {
    await Promise.all([0, 1, 2].map(worker => backUpOne(worker, version)))
  }
  const backups = Array.from({ length: 100 }, (_, n) => backUpOne(n % 10, 4 + Math.floor(n / 10)))
  const vacuums = Array.from({ length: 20 }, vacuumOnce)
  const made = await Promise.all(backups)
  const vacuumed = await Promise.all(vacuums)
  // One more when all is quiet: by then no session holds it up.
  vacuumed.push(await vacuumOnce())
  const repo = await openRepository(storage, quietIo)
  expect((await verify(repo, { ...tools, readData: true }, quietIo)).errors).toEqual([])
  const { backups: listed, damaged } = await listBackups(repo, quietIo)
  expect(damaged).toEqual([])
  const names = listed.map(({ name }) => name)
  expect(made.filter(({ backup }) => !names.includes(backup))).toEqual([])
  const live = listed.filter(({ state }) => state === 'complete')
  for (const { name, labels } of live) {
    const worker = Number(labels['worker'])
    const tree = contents(await restoredTree(repo, name, `db${worker}`))
    expect(tree, name).toEqual(contents(hostIn(worker, Number(labels['version'])).tree()))
  }
  expect(live.length).toBeGreaterThanOrEqual(10)
  const deleted = vacuumed.reduce((sum, { deleted_blocks: blocks }) => sum + blocks, 0)
  expect(deleted).toBeGreaterThan(20)
  expect(vacuumed.at(-1)?.state).toMatch(/none|closed/)
})
