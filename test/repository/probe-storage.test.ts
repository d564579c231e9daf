import { expect, it } from 'vitest'
import { systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { probeStorage } from '../../src/repository/probe-storage.ts'
import type { Key, Storage } from '../../src/storage/contract.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { faultyStorage } from '../storage/faulty.ts'

/** What another process sees: the same objects through a storage of its own. */
const other = (storage: Storage, url = storage.url): Storage => ({ ...storage, url })
const probe = (storage: Storage) => probeStorage(storage, systemRandom, quietIo)

it('is raced over once for a repository, not once for a process', async () => {
  const inner = createMemoryStorage()
  expect(await probe(inner)).toBe('concurrent')
  const { storage, log } = faultyStorage(other(inner))
  expect(await probe(storage)).toBe('concurrent')
  expect(await probe(storage)).toBe('concurrent')
  expect(log).toEqual([expect.stringMatching(/^get probe\/[0-9a-f]{64}$/)])
})

it('is raced over again where the repository was copied to', async () => {
  const inner = createMemoryStorage()
  await probe(inner)
  const { storage, log } = faultyStorage(other(inner, 'memory://copy'))
  await probe(storage)
  expect(log.filter(line => line.startsWith('putIfAbsent probe/'))).toHaveLength(17)
})

it('keeps no bad verdict: servers get mended', async () => {
  const inner = createMemoryStorage()
  const broken: Storage = {
    ...inner,
    putIfAbsent: async (...words) => {
      await inner.put(...words)
      return 'created'
    },
  }
  expect(await probe(broken)).toBe('exclusive')
  expect(await probe(other(broken))).toBe('exclusive')
  expect(await probe(inner)).toBe('concurrent')
})

it('believes no verdict that it cannot read', async () => {
  const inner = createMemoryStorage()
  await probe(inner)
  const kept: Key[] = []
  for await (const found of inner.list('probe/', quietIo)) kept.push(found.key)
  for (const text of [
    '',
    '{',
    '[]',
    '{"verdict":"concurrent"}',
    '{"verdict":"x","url":"memory"}',
  ]) {
    for (const place of kept) await inner.put(place, Buffer.from(text), quietIo)
    const { storage, log } = faultyStorage(other(inner))
    expect(await probe(storage)).toBe('concurrent')
    expect(log.length, text).toBeGreaterThan(10)
  }
})

it('is exclusive where the server says only when written to that it cannot', async () => {
  const inner = createMemoryStorage()
  let isAtomic = true
  const storage: Storage = {
    ...inner,
    capabilities: {
      ...inner.capabilities,
      get atomicCreate() {
        return isAtomic
      },
    },
    putIfAbsent: async (...words) => {
      isAtomic = false
      return await inner.putIfAbsent(...words)
    },
  }
  expect(await probe(storage)).toBe('exclusive')
})

it('is not spoiled by a verdict that cannot be kept', async () => {
  const fault = { nth: 17, only: ['putIfAbsent'] as const, when: 'before' as const }
  const { storage, fired } = faultyStorage(createMemoryStorage(), fault)
  expect(await probe(storage)).toBe('concurrent')
  expect(fired()).toBe(true)
})
