import { expect, it } from 'vitest'
import { explore } from './explore.ts'
import { safeProtocol } from './protocol.ts'

it.each([
  [{ writers: 1, vacuums: 2, plans: 2 }, 257_180],
  [{ writers: 2, vacuums: 1, plans: 2 }, 262_042],
])('loses nothing with %o', (size, states) => {
  expect(explore(size, safeProtocol)).toEqual({ states, loss: undefined })
})

it('loses nothing with checkpoints and two vacuums', () => {
  const protocol = { ...safeProtocol, checkpoints: 'plans-register' } as const
  const size = { writers: 1, vacuums: 2, plans: 1 }
  expect(explore(size, protocol)).toEqual({ states: 386_368, loss: undefined })
})

it('loses a block where one is reused because it is there', () => {
  const protocol = { ...safeProtocol, reuseByManifest: false }
  const { loss = [] } = explore({ writers: 2, vacuums: 2, plans: 1 }, protocol)
  expect(loss).toContain('writer 1 reuses a block')
  expect(loss.at(-1)).toBe('vacuum 1 deletes')
})
