import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBlockTable } from '../../src/repository/block-table.ts'
import { compileExclude } from '../../src/repository/exclude.ts'
import { createScratch } from '../../src/repository/scratch.ts'
import { createSorter } from '../../src/repository/sorter.ts'
import { bytesOf, testRandom } from './support.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bkp-sorter-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a sorter', () => {
  it('sorts what does not fit into memory, and leaves no file behind', async () => {
    const scratch = createScratch(folder)
    const sorter = createSorter(scratch, 10_000)
    const random = testRandom()
    const keys: string[] = []
    for (let i = 0; i < 3000; i += 1) {
      const key = Buffer.from(random(1 + (i % 40)))
      keys.push(key.toString('hex'))
      await sorter.add(key, Buffer.from(`${i}`.repeat(20)))
    }
    // Written out, and without a name.
    expect(await readdir(folder)).toEqual([])
    const sorted: string[] = []
    for await (const { key } of sorter.sorted()) sorted.push(key.toString('hex'))
    expect(sorted).toEqual([...keys].sort())
    await scratch.close()
  })

  it('gives a whole snapshot while more is added at the same time', async () => {
    const scratch = createScratch(folder)
    const sorter = createSorter(scratch, 2000)
    const add = (i: number): Promise<void> | undefined =>
      sorter.add(Buffer.from(String(i).padStart(6, '0')), Buffer.alloc(50))
    for (let i = 0; i < 500; i += 1) await add(i)
    const adding = Promise.all(Array.from({ length: 500 }, (_, i) => add(1000 + i)))
    const seen: string[] = []
    for await (const { key } of sorter.sorted()) seen.push(key.toString())
    await adding
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual([...seen].sort())
    for (let i = 0; i < 500; i += 1) expect(seen[i]).toBe(String(i).padStart(6, '0'))
    let count = 0
    for await (const _ of sorter.sorted()) count += 1
    expect(count).toBe(1000)
    await scratch.close()
  })
})

describe('a block table', () => {
  it('says of every id what a map says', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3000), fc.nat(99), fc.nat(8_388_608))), entries => {
        const table = createBlockTable()
        const model = new Map<number, { generation: number; sizeBytes: number }>()
        const idOf = (n: number): Buffer => {
          // Few different beginnings: collisions.
          const id = Buffer.alloc(32, n % 5)
          id.writeUInt32BE(n, 28)
          return id
        }
        for (const [n, generation, sizeBytes] of entries) {
          table.add(idOf(n), { generation, sizeBytes })
          if (!model.has(n)) model.set(n, { generation, sizeBytes })
        }
        expect(table.count).toBe(model.size)
        for (let n = 0; n < 3001; n += 7) expect(table.get(idOf(n))).toEqual(model.get(n))
        for (const [n, fact] of model) expect(table.get(idOf(n))).toEqual(fact)
      }),
    ))

  it('grows', () => {
    const table = createBlockTable()
    const random = testRandom()
    const ids = Array.from({ length: 5000 }, () => random(32))
    for (const [i, id] of ids.entries()) table.add(id, { generation: i, sizeBytes: 0 })
    for (const [i, id] of ids.entries()) expect(table.get(id)?.generation).toBe(i)
    expect(table.get(random(32))).toBeUndefined()
  })
})

describe('exclude patterns', () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['*.log', ['a.log', 'x/y/b.log', 'd.log/below'], ['a.logs', 'log', 'a.log2']],
    ['/tmp', ['tmp', 'tmp/x'], ['x/tmp', 'tmpx']],
    ['tmp/', ['tmp', 'x/tmp/y'], ['tmpx']],
    ['a/*/c', ['a/b/c', 'a/b/c/d'], ['a/c', 'a/b/b/c', 'x/a/b/c']],
    ['a/**/c', ['a/c', 'a/b/c', 'a/b/b/c'], ['ac', 'x/a/c']],
    ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a/b']],
    ['f?', ['f1', 'x/f2'], ['f', 'f12']],
    ['[a-c]x', ['ax', 'q/cx'], ['dx', 'x']],
    ['[!a-c]x', ['dx'], ['ax', 'x']],
    ['a+b (c)$^', ['a+b (c)$^'], ['aab (c)']],
    ['\\*', ['*'], ['a']],
    ['é', ['é'], ['e']],
  ]
  for (const [pattern, matched, other] of cases) {
    it(`match as written: ${pattern}`, () => {
      const excluded = compileExclude([pattern])
      for (const path of matched) expect(excluded(bytesOf(path)), path).toBe(true)
      for (const path of other) expect(excluded(bytesOf(path)), path).toBe(false)
      expect(excluded(new Uint8Array())).toBe(false)
    })
  }

  it('that mean nothing are refused', () => {
    for (const pattern of ['', '/', '[z-a]']) {
      expect(() => compileExclude([pattern]), pattern).toThrow(/exclude pattern/)
    }
  })
})
