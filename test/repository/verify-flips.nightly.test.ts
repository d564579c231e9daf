import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resolveBackup } from '../../src/repository/catalogue.ts'
import { readFileContent, readFileEntries } from '../../src/repository/read.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { verify } from '../../src/repository/verify.ts'
import type { Key, Storage } from '../../src/storage/contract.ts'
import { sourceOf } from './copy/support.ts'
import { keysBelow, quietIo, testClock, testRandom } from './support.ts'

/** Whether a backup can be read to its last byte. */
async function isWhole(storage: Storage, name: string): Promise<boolean> {
  try {
    const repo = await openRepository(storage, quietIo)
    const backup = await resolveBackup(repo, { backup: name }, quietIo)
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      for await (const _ of readFileContent(repo, file, quietIo));
    }
    return true
  } catch {
    return false
  }
}

describe('a bit flip at a random place of a random object', () => {
  it('is found, with every backup that it breaks, 1000 times', async () => {
    const { storage, trees } = await sourceOf()
    const names = [...trees.keys()]
    const objects = [
      ...(await keysBelow(storage, 'data/')),
      ...(await keysBelow(storage, 'manifests/')),
    ] as Key[]
    const repo = await openRepository(storage, quietIo)
    await fc.assert(
      fc.asyncProperty(fc.nat(objects.length - 1), fc.nat(1 << 24), async (index, bit) => {
        const target = objects[index] as Key
        const before = await storage.get(target, quietIo)
        const flipped = Uint8Array.from(before)
        const at = bit % (flipped.length * 8)
        flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7))
        await storage.put(target, flipped, quietIo)
        const options = { readData: true, clock: testClock(), random: testRandom() }
        const { errors } = await verify(repo, options, quietIo)
        const named = new Set(errors.flatMap(({ backups }) => backups))
        expect(errors.length).toBeGreaterThan(0)
        for (const name of names) {
          if (!(await isWhole(storage, name))) expect(named).toContain(name)
        }
        await storage.put(target, before, quietIo)
      }),
      { numRuns: 1000 },
    )
  })
})
