import { describe, expect, it } from 'vitest'
import type { EngineEvent } from '../../src/events/events.ts'
import { tell } from './from-text.ts'

const playbook = (task: string, then = ''): string =>
  `- hosts: all\n  tasks:\n    - ${task}\n${then}`
const hosts = ['a']
const failure = { code: 'step.failed', message: 'it failed' }
const retried = (events: readonly EngineEvent[]) =>
  events.flatMap(event =>
    event.event === 'step.retried' ? [`${event.attempt} of ${event.of}`] : [],
  )

describe('until, retries and delay', () => {
  it('tries until it holds; attempts counts the tries', () => {
    const { steps, events, state } = tell({
      playbook: playbook(
        '{name: t, shell: x, register: r, until: r.rc == 0, retries: 5, delay: 7}',
        '    - {name: use, shell: "{{ r.attempts }}"}\n',
      ),
      hosts,
      answer: ({ name, tries, request }) => {
        if (name === 'use') expect(request.args).toEqual({ cmd: 3 })
        else expect(request.delayMs).toBe(tries === 1 ? undefined : 7000)
        return { result: { rc: name === 't' && tries < 3 ? 1 : 0 } }
      },
    })
    expect(steps).toEqual(['a t', 'a t', 'a t', 'a use'])
    expect(retried(events)).toEqual(['1 of 6', '2 of 6'])
    expect(state.recap.get('a')).toMatchObject({ ok: 2, failed: 0 })
  })

  it('fails when the tries are used up, and says how many there were', () => {
    const { steps, state } = tell({
      playbook: playbook(
        '{name: t, shell: x, register: r, until: "r.rc == 0", retries: 2, delay: 0, ignore_errors: true}',
        '    - {name: use, shell: "{{ r.attempts }} {{ r.failed }}"}\n',
      ),
      hosts,
      answer: ({ name, request }) => {
        if (name === 'use') expect(request.args).toEqual({ cmd: '3 true' })
        return { result: { rc: 1 } }
      },
    })
    expect(steps).toEqual(['a t', 'a t', 'a t', 'a use'])
    expect(state.recap.get('a')).toMatchObject({ ignored: 1 })
  })

  it('leaves the last word to failed_when', () => {
    const { steps, exitCode } = tell({
      playbook: playbook(
        '{name: t, shell: x, register: r, until: r.rc == 0, failed_when: false, retries: 1, delay: 0}',
      ),
      hosts,
      answer: () => ({ result: { rc: 1 }, status: 'failed', failure }),
    })
    expect(steps).toHaveLength(2)
    expect(exitCode).toBe(0)
  })

  it('goes by failure where there is no until, and tries each item by itself', () => {
    const { steps } = tell({
      playbook: playbook(
        '{name: t, shell: x, loop: [1, 2, 3], register: r, retries: 3, delay: 0}',
        '    - {name: use, shell: "{{ r.results.map(x, x.attempts) }}"}\n',
      ),
      hosts,
      answer: ({ name, item, tries, request }) => {
        if (name === 'use') expect(request.args).toEqual({ cmd: [1, 2, 3] })
        else if (tries < Number(item)) return { status: 'failed', failure }
        return undefined
      },
    })
    expect(steps).toEqual(['a t 1', 'a t 2', 'a t 2', 'a t 3', 'a t 3', 'a t 3', 'a use'])
  })

  it('does not try again on a host that is gone', () => {
    const { steps, exitCode } = tell({
      playbook: playbook('{name: t, shell: x, retries: 3, delay: 0}'),
      hosts,
      answer: () => ({ status: 'unreachable', failure }),
    })
    expect(steps).toHaveLength(1)
    expect(exitCode).toBe(4)
  })
})
