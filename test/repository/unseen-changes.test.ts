import { describe, expect, it } from 'vitest'
import { openRepository } from '../../src/repository/repository.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  memoryHost,
  quietIo,
  restoredTree,
  smallGeometry,
  testClock,
} from './support.ts'

const perSecond = 1_000_000_000n
const second = 1_768_000_000n * perSecond
const day = 86_400n * perSecond

/** A host that is backed up at one time after the other, by its own clock. */
async function backedUp(root: Parameters<typeof memoryHost>[1] = {}) {
  const storage = createMemoryStorage()
  const host = memoryHost('db1', root)
  const clock = testClock()
  const repo = () => openRepository(storage, quietIo)
  return {
    host,
    /** What a backup that begins then reads of the host, whether it holds what is there. */
    at: async (nowNs: bigint) => {
      const source = { ...host, now: async () => nowNs }
      clock.advance(60_000)
      host.reads.length = 0
      const options = { clock, geometry: smallGeometry }
      const { backup } = await backUp(backupOptions(storage, [source], options), quietIo)
      const tree = await restoredTree(await repo(), backup, 'db1')
      const names = [...new Set(host.reads)].sort()
      const differs = [...tree].some(([path, entry]) => host.tree().get(path) !== entry)
      return { reads: names, differs }
    },
  }
}

describe('a file of a host that keeps whole seconds', () => {
  const times = { mtimeNs: second, ctimeNs: second }
  // Both kinds: in a pack, and in blocks of its own.
  const [before, after] = ['1', '2'].map(word => [word.repeat(5), word.repeat(200)] as const)

  it('is read again where it may have changed in the second in which it was read', async () => {
    const { host, at } = await backedUp()
    const write = (contents: readonly string[] = []): void => {
      for (const [index, content] of contents.entries()) host.set(`f${index}`, content, times)
    }
    write(before)
    expect(await at(second)).toEqual({ reads: ['f0', 'f1'], differs: false })
    write(after)
    expect(await at(second + day)).toEqual({ reads: ['f0', 'f1'], differs: false })
    expect(await at(second + 2n * day)).toEqual({ reads: [], differs: false })
  })

  it('is so, too, where its clock was set back since it was written', async () => {
    const { host, at } = await backedUp()
    host.set('f', 'one', times)
    await at(second - day)
    host.set('f', 'two', times)
    expect(await at(second - day)).toEqual({ reads: ['f'], differs: false })
    await at(second + day)
    expect((await at(second + 2n * day)).reads).toEqual([])
  })

  it('is not read again where it was written before, or never is', async () => {
    const old = await backedUp()
    old.host.set('f', 'one', times)
    await old.at(second + 3n * perSecond)
    expect((await old.at(second + day)).reads).toEqual([])
    const immutable = await backedUp({ immutable: true })
    immutable.host.set('f', 'one', times)
    await immutable.at(second)
    expect((await immutable.at(second + day)).reads).toEqual([])
  })

  it('is read once where the host tells fractions of a second', async () => {
    const { host, at } = await backedUp()
    host.set('f', 'one', { mtimeNs: second, ctimeNs: second + 4_000_001n })
    await at(second)
    expect((await at(second + day)).reads).toEqual([])
  })
})
