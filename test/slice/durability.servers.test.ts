import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  killAndResume,
  killAndSettle,
  runUnharmed,
  samples,
  startHosts,
  stopHosts,
  type Way,
} from './durability.ts'

const ways: readonly Way[] = ['resume', 'abort', 'resume elsewhere', 'abort elsewhere']

beforeAll(startHosts)
afterAll(stopHosts)

describe('a run on five sshd hosts, killed at ten of its journal events', () => {
  it('is resumed or aborted, here or by a controller that has only inventory and storage', () => {
    const events = runUnharmed()
    expect(events).toBeGreaterThan(100)
    for (const [index, at] of samples(events).entries()) {
      // At the first event nothing is mirrored yet, and nothing was done.
      const way = index === 0 ? 'resume' : ways[index % ways.length]
      killAndSettle(at, way ?? 'resume')
    }
  })

  it('does nothing twice that was finished, wherever it was killed', async () => {
    for (const lines of [2, 3, 4, 5]) await killAndResume(lines)
  })
})
