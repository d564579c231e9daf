import { expect, it } from 'vitest'
import { mask } from '../../src/base/secret.ts'
import { collectPlan } from '../../src/execute/plan-document.ts'
import { diffLines } from '../../src/report/diff.ts'
import { planEnd } from '../../src/report/plan-summary.ts'
import { createStyle } from '../../src/report/style.ts'

const style = createStyle(false)
const step = {
  seq: 1,
  time: '',
  run: 'r',
  step: '/0',
  name: 'step',
  module: 'm',
  host: 'a',
} as const

it('says what is destroyed, moved and downloaded, how sure that is, and how long services are down', () => {
  const { sink, document } = collectPlan()
  const planned = {
    ...step,
    event: 'step.planned',
    certainty: 'sure',
    destructive: false,
  } as const
  const change = { action: 'update', host: 'a', destructive: false } as const
  const mib = 1024 * 1024
  sink({ ...step, event: 'task.started', name: 'stop' })
  sink({ ...planned, changes: [{ ...change, target: 'db', availability: 'down' }] })
  sink({ ...step, event: 'task.started', name: 'fetch' })
  const fetched = { ...change, target: '/data', bytes: 2 * mib, flow: 'download' } as const
  sink({ ...planned, changes: [fetched] })
  sink({ ...step, event: 'task.started', name: 'drop' })
  const dropped = {
    ...change,
    action: 'delete',
    target: '/old',
    destructive: true,
    bytes: mib,
  } as const
  sink({ ...planned, changes: [dropped], destructive: true })
  sink({ ...planned, changes: [{ ...change, target: '/x' }], certainty: 'maybe' })
  sink({ ...planned, changes: [{ ...change, target: 'm' }], certainty: 'unknown' })
  const waited = { ...change, action: 'call', target: 'wait' } as const
  sink({ ...planned, changes: [waited], informational: true })
  sink({ ...step, event: 'task.started', name: 'start' })
  sink({ ...planned, changes: [{ ...change, target: 'db', availability: 'up' }] })
  expect(planEnd(document(), 0).replace(/Digest \w+/, 'Digest D')).toBe(
    [
      'Plan: 3 to update, 1 to delete, 1 that may change, 1 known after apply, 1 destructive. Digest D.',
      '  destroyed or replaced (1.0 MiB): /old on a',
      '  downloaded to hosts: 2.0 MiB',
      '  down on a: from "stop" to "start"; meanwhile "fetch", "drop" run, which moves 2.0 MiB',
    ].join('\n'),
  )
  expect(document().changes.map(({ target }) => target)).not.toContain('wait')
})

it('shows differences as unified ones, dots for secrets, and gives up on what has nothing in common', () => {
  expect(diffLines({ before: 'a\nb\n', after: 'a\nc' }, style)).toEqual([
    '@@ -1,2 +1,2 @@',
    ' a',
    '-b',
    '+c',
    '\\ No newline at end of file',
  ])
  expect(diffLines({ before: mask, after: mask }, style)).toEqual(['•••• (a secret is in it)'])
  const many = (word: string): string =>
    Array.from({ length: 3000 }, (_, line) => `${word}${line}\n`).join('')
  expect(diffLines({ before: many('a'), after: many('b') }, style)).toEqual([
    '@@ all of it: 3000 lines become 3000 @@',
  ])
})
