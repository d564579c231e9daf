import { expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import { openRepository, readBackup } from '../../../src/repository/repository.ts'
import { differenceOf } from '../../../src/repository/restore-objects/difference.ts'
import { restoreObjects } from '../../../src/repository/restore-objects/restore.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { faultyStorage } from '../../storage/faulty.ts'
import { backUp, backupOptions, bytesOf, quietIo } from '../support.ts'
import { makeBucket, sourceOf } from './bucket.ts'

const large = Array.from({ length: 30 }, (_, i) => `${i}`.padStart(5)).join('')
const content: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`small/${i}`, `number ${i}`])),
  empty: '',
  large,
}

async function makeVault(): Promise<Storage> {
  const vault = createMemoryStorage('vault')
  const lake = makeBucket('lake')
  for (const [name, text] of Object.entries(content)) await lake.set(name, text)
  await backUp(backupOptions(vault, [sourceOf(lake, vault)]), quietIo)
  return vault
}

async function restoreInto(vault: Storage, target: Storage): Promise<void> {
  const repo = await openRepository(vault, quietIo)
  const { name } = await resolveBackup(repo, { backup: 'latest' }, quietIo)
  const backup = await readBackup(repo, name, quietIo)
  const roots = [bytesOf('/')]
  const restore = { repo, backup, fromHost: 'storage:lake', roots, target, prefix: '' }
  const planned = await differenceOf(restore, quietIo)
  await restoreObjects({ ...restore, deleteExtra: true }, planned, quietIo)
}

/** A target that holds something wrong, something right and something more. */
async function makePond(etags: boolean) {
  const pond = makeBucket('pond', { etags })
  await pond.set('extra', 'x')
  await pond.set('small/3', 'NUMBER 3')
  await pond.set('small/4', 'number 4')
  return pond
}

it.each([
  ['before', true],
  ['before', false],
  ['after', true],
  ['after', false],
] as const)(
  'a restore whose n-th request fails (%s it is done, etags %s) goes on when run again',
  async (when, etags) => {
    const vault = await makeVault()
    let fired = true
    let nth = 0
    while (fired) {
      nth += 1
      const pond = await makePond(etags)
      const faulty = faultyStorage(pond.storage, { nth, when })
      const failure = await restoreInto(vault, faulty.storage).then(
        () => undefined,
        (error: unknown) => error,
      )
      fired = faulty.fired()
      expect(failure instanceof BkpError, `request ${nth}: ${String(failure)}`).toBe(fired)
      const { extra, ...rest } = await pond.content()
      // Whatever was deleted, all of the backup was there before.
      if (extra === undefined) expect(rest).toEqual(content)
      await restoreInto(vault, pond.storage)
      expect(await pond.content(), `request ${nth}`).toEqual(content)
    }
    expect(nth).toBeGreaterThan(13)
  },
)

it('a repository that fails while it is read leaves a target that is gone on with', async () => {
  const vault = await makeVault()
  for (let nth = 1; ; nth += 1) {
    const pond = await makePond(true)
    const faulty = faultyStorage(vault, { nth, when: 'before', only: ['get'], key: /^data\// })
    const restoring = restoreInto(faulty.storage, pond.storage)
    const failure = await restoring.then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure instanceof BkpError, String(failure)).toBe(faulty.fired())
    if (failure !== undefined) expect(await pond.content()).toHaveProperty('extra')
    await restoreInto(vault, pond.storage)
    expect(await pond.content()).toEqual(content)
    if (!faulty.fired()) break
  }
})
