import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { key } from '../../src/storage/key.ts'
import { randomFrom } from '../engine/simulation/random.ts'
import { type CrashFileSystem, createCrashFileSystem } from './crash-file-system.ts'

const open = ({ fs }: CrashFileSystem) => createFileStorage({ directory: '/store', fs })
const content = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte)

/** Writes until the power goes at a call; what was acknowledged must be there afterwards, whole. */
async function writeAndCrash(seed: number, disk: CrashFileSystem): Promise<readonly string[]> {
  const random = randomFrom(seed)
  const powerFailsAt = random.below(120)
  let calls = 0
  disk.onChange = () => {
    calls += 1
    if (calls > powerFailsAt) throw new Error('the power went')
  }
  const storage = open(disk)
  const acknowledged = new Map<string, Uint8Array>()
  const attempted = new Map<string, Uint8Array>()
  try {
    for (let n = 1; n <= 12; n += 1) {
      const name = random.chance(0.5) ? `manifests/${n}` : `data/${'ab'.repeat(31)}${n + 10}`
      const bytes = content(n, random.below(3000))
      attempted.set(name, bytes)
      if (random.chance(0.5)) await storage.putIfAbsent(key(name), bytes, quietIo)
      else await storage.put(key(name), bytes, quietIo)
      acknowledged.set(name, bytes)
    }
  } catch {
    // The power went.
  }
  const after = open(disk.crash(random))
  const lost: string[] = []
  for (const [name, bytes] of attempted) {
    const found = await after.get(key(name), quietIo).catch(() => undefined)
    const isWhole = found !== undefined && Buffer.compare(found, bytes) === 0
    if (found !== undefined && !isWhole) lost.push(`${name} is torn`)
    if (acknowledged.has(name) && !isWhole) lost.push(`${name} is lost`)
  }
  return lost
}

describe('a file storage whose power goes', () => {
  it('has whatever it acknowledged, and nothing by halves', async () => {
    for (let seed = 0; seed < 300; seed += 1) {
      expect(await writeAndCrash(seed, createCrashFileSystem()), `seed ${seed}`).toEqual([])
    }
  })

  for (const ignoresSync of ['file', 'folder'] as const) {
    it(`on a disk that ignores syncs of ${ignoresSync}s loses: this test would see it`, async () => {
      const lost: string[] = []
      for (let seed = 0; seed < 100; seed += 1) {
        lost.push(...(await writeAndCrash(seed, createCrashFileSystem({ ignoresSync }))))
      }
      expect(lost).not.toEqual([])
    })
  }
})
