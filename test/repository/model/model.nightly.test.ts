import { expect, it } from 'vitest'
import { explore } from './explore.ts'
import { safeProtocol } from './protocol.ts'

const size = { writers: 2, vacuums: 2, plans: 1 }

it('loses nothing with two writers and two vacuums', () => {
  expect(explore(size, safeProtocol)).toEqual({ states: 2_293_640, loss: undefined })
})

it('loses nothing with two writers that make checkpoints', () => {
  const protocol = { ...safeProtocol, checkpoints: 'plans-register' } as const
  const { loss } = explore({ writers: 2, vacuums: 1, plans: 1 }, protocol)
  expect(loss).toBeUndefined()
})

it('loses a block where nothing fixes what is deleted', () => {
  const { loss = [] } = explore(size, { ...safeProtocol, seal: false })
  expect(loss).toContain('vacuum 1 adopts the plan')
  expect(loss.at(-1)).toBe('vacuum 1 deletes')
})

it.each([
  { writers: 2, vacuums: 1, plans: 2 },
  { writers: 1, vacuums: 2, plans: 2 },
])('loses nothing where plans are cancelled, %o', larger => {
  expect(explore(larger, { ...safeProtocol, cancels: true }).loss).toBeUndefined()
})

it('loses nothing of long runs and of readers where plans are cancelled', () => {
  const protocol = { ...safeProtocol, cancels: true, checkpoints: 'plans-register' } as const
  const { loss } = explore({ writers: 1, vacuums: 1, plans: 2, readers: 1 }, protocol)
  expect(loss).toBeUndefined()
})
