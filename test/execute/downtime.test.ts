import { expect, it } from 'vitest'
import type { Availability } from '../../src/events/change.ts'
import { createDowntimes, type Downtime } from '../../src/execute/downtime.ts'

type Walk = readonly (readonly [name: string, ...(readonly [string, Availability, string][])])[]

function downtimes(walk: Walk, bytes = 0): readonly Downtime[] {
  const found = createDowntimes()
  for (const [step, [name, ...changes]] of walk.entries()) {
    const ref = { step: String(step), name, module: 'm' }
    found.observe({ event: 'task.started', ...ref })
    for (const [host, availability, target] of changes) {
      const change = {
        action: 'update',
        target,
        host,
        destructive: false,
        availability,
        bytes,
      } as const
      found.observe({
        event: 'step.planned',
        ...ref,
        host,
        changes: [change],
        certainty: 'sure',
        destructive: false,
      })
    }
  }
  return found.found()
}

it('lasts from a stop to the start of the same service, hosts together, and names what runs', () => {
  const walk: Walk = [
    ['before'],
    ['stop', ['a', 'down', 'db'], ['b', 'down', 'db']],
    ['copy'],
    ['swap', ['a', 'swap', '/data']],
    ['start', ['a', 'up', 'db'], ['b', 'up', 'db']],
    ['after'],
  ]
  expect(downtimes(walk, 5)).toEqual([
    { from: 'stop', to: 'start', hosts: ['a', 'b'], during: ['copy', 'swap'], bytes: 25 },
  ])
})

it('does not end with the start of another service, and is told where nothing ends it', () => {
  const walk: Walk = [['stop', ['a', 'down', 'db']], ['start', ['a', 'up', 'web']], ['more']]
  expect(downtimes(walk)).toEqual([
    { from: 'stop', to: null, hosts: ['a'], during: ['start', 'more'], bytes: 0 },
  ])
})

it('is a restart by itself, and lies between swaps where nothing is stopped', () => {
  expect(downtimes([['restart', ['a', 'restart', 'db']]])).toMatchObject([
    { from: 'restart', to: 'restart', during: [] },
  ])
  const swaps: Walk = [['one', ['a', 'swap', '/1']], ['check'], ['two', ['b', 'swap', '/2']]]
  expect(downtimes(swaps)).toMatchObject([
    { from: 'one', to: 'two', hosts: ['a', 'b'], during: ['check'] },
  ])
})
