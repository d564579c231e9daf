import { afterAll, beforeAll, describe, it } from 'vitest'
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

describe('a run on five sshd hosts, killed at ten of its journal events, each way', () => {
  it('is brought to its end', () => {
    for (const [index, at] of samples(runUnharmed()).entries()) {
      const possible = index === 0 ? ways.filter(way => !way.endsWith('elsewhere')) : ways
      for (const way of possible) killAndSettle(at, way)
    }
  })

  it('does nothing twice that was finished, wherever it was killed', async () => {
    for (let time = 0; time < 30; time += 1) await killAndResume(2 + (time % 7))
  })
})
