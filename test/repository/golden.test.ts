import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listBackups, resolveBackup } from '../../src/repository/catalogue.ts'
import { readFileEntries } from '../../src/repository/read.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { verify } from '../../src/repository/verify.ts'
import { viewFile } from '../../src/repository/views.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { goldenGeometry, goldenHost, makeGolden } from './golden-make.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  quietIo,
  restoredTree,
  testClock,
  testRandom,
} from './support.ts'

/** What format 1 is: this repository was written once and must be readable for ever. */
const golden = 'test/golden/repository-v1'
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bkp-golden-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the golden repository of format 1', () => {
  const storage = createFileStorage({ directory: golden })

  it('is listed, shown and verified', async () => {
    const repo = await openRepository(storage, quietIo)
    expect(repo).toMatchObject({ format: 1, id: expect.stringMatching(/^[0-9a-f]{32}$/) })
    const { backups, damaged } = await listBackups(repo, quietIo)
    const files: unknown[] = []
    for (const { name } of backups) {
      const backup = await resolveBackup(repo, { backup: name }, quietIo)
      for await (const file of readFileEntries(repo, backup, quietIo)) files.push(viewFile(file))
    }
    const seen = `${JSON.stringify({ backups, damaged, files }, null, 1)}\n`
    expect(seen).toBe(await readFile('test/golden/repository-v1.json', 'utf8'))
    const options = { readData: true, clock: testClock(), random: testRandom() }
    expect((await verify(repo, options, quietIo)).errors).toEqual([])
  })

  it('gives back the trees it was made of', async () => {
    const repo = await openRepository(storage, quietIo)
    const { first, second } = goldenHost()
    const { backups } = await listBackups(repo, quietIo)
    const complete = backups.filter(({ state }) => state === 'complete').map(({ name }) => name)
    expect(await restoredTree(repo, complete[0] ?? '', 'db1')).toEqual(first)
    expect(await restoredTree(repo, complete[1] ?? '', 'db1')).toEqual(second)
  })

  it('is what this version writes, but for the text of bendsave.md', async () => {
    const made = createFileStorage({ directory: join(folder, 'made') })
    await makeGolden(made)
    const keys = await keysBelow(storage, '')
    // What a probe found is bound to the storage it was raced over: no part of a repository's copy.
    const written = (await keysBelow(made, '')).filter(key => !key.startsWith('probe/'))
    expect(written).toEqual(keys)
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    for (const key of keys) {
      if (key === 'bendsave.md') continue
      const [old, now] = await Promise.all([storage, made].map(s => s.get(key as never, quietIo)))
      expect(digest(now ?? new Uint8Array()), key).toBe(digest(old ?? new Uint8Array()))
    }
  })

  it('satisfies the independent checker', () => {
    const output = execFileSync('python3', ['test/repository/checker.py', golden], {
      encoding: 'utf8',
    })
    expect(output.split('\n').filter(line => line.includes('COMPLETE'))).toHaveLength(2)
  })

  it('can be built upon', async () => {
    const directory = join(folder, 'copy')
    await cp(golden, directory, { recursive: true })
    const copy = createFileStorage({ directory })
    const { host } = goldenHost()
    const clock = testClock('2025-02-01T00:00:00.000Z')
    const result = await backUp(
      backupOptions(copy, [host], { clock, geometry: goldenGeometry }),
      quietIo,
    )
    expect(result.new_bytes).toBe(0)
    expect(host.reads).toEqual([])
  })
})
