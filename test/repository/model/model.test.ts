import { describe, expect, it } from 'vitest'
import { explore } from './explore.ts'
import { type CheckpointOrder, type Protocol, type Size, safeProtocol } from './protocol.ts'

const one: Size = { writers: 1, vacuums: 1, plans: 1 }

describe('the protocol of backups and vacuums, every interleaving', () => {
  // The numbers of states are those of an independent model in Python. Larger ones: the local and
  // the nightly test.
  it.each<readonly [Size, number]>([
    [one, 750],
    [{ writers: 1, vacuums: 1, plans: 2 }, 3252],
    [{ writers: 1, vacuums: 2, plans: 1 }, 31_180],
    [{ writers: 2, vacuums: 1, plans: 1 }, 30_216],
  ])('loses nothing with %o', (size, states) => {
    expect(explore(size, safeProtocol)).toEqual({ states, loss: undefined })
  })

  it.each<readonly [Size, number]>([
    [one, 5752],
    [{ writers: 1, vacuums: 1, plans: 2 }, 27_073],
  ])('loses nothing with checkpoints, %o', (size, states) => {
    const protocol: Protocol = { ...safeProtocol, checkpoints: 'plans-register' }
    expect(explore(size, protocol)).toEqual({ states, loss: undefined })
  })

  it('loses nothing of what readers pin', () => {
    for (const size of [
      { ...one, readers: 2 },
      { ...one, plans: 2, readers: 1 },
    ]) {
      expect(explore(size, safeProtocol).loss).toBeUndefined()
    }
  })

  it('loses nothing where plans are cancelled', () => {
    const size: Size = { writers: 1, vacuums: 1, plans: 2 }
    expect(explore(size, { ...safeProtocol, cancels: true }).loss).toBeUndefined()
  })
})

describe('a protocol that lacks one ingredient loses a block', () => {
  // Without `reuseByManifest` or `seal` it takes two of each: the local and the nightly test.
  it.each<readonly [keyof Protocol]>([
    ['generations'],
    ['tombstones'],
    ['announceFirst'],
    ['planFirst'],
    ['reread'],
  ])('%s', ingredient => {
    const { loss = [] } = explore(one, { ...safeProtocol, [ingredient]: false })
    expect(loss.at(-1)).toBe('vacuum 0 deletes')
  })

  it.each<CheckpointOrder>(['register-plans', 'plans', 'nothing', 'no-session'])(
    'checkpoints: %s',
    checkpoints => {
      const { loss = [] } = explore(one, { ...safeProtocol, checkpoints })
      expect(loss).toContain('writer 0 commits a checkpoint')
    },
  )

  it.each(['pinFirst', 'pins'] as const)('%s, for readers', ingredient => {
    const { loss = [] } = explore({ ...one, readers: 1 }, { ...safeProtocol, [ingredient]: false })
    expect(loss).toContain('reader 0 looks')
  })
})
