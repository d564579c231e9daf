import { describe, expect, it } from 'vitest'
import { read } from '../runbook/support/playbook.ts'
import { fails, tell } from './from-text.ts'

const handlers = (...list: readonly string[]): string =>
  `  handlers:\n${list.map(each => `    - ${each}\n`).join('')}`
const tasks = (...list: readonly string[]): string =>
  `  tasks:\n${list.map(each => `    - ${each}\n`).join('')}`
const hosts = ['a', 'b']

describe('handlers', () => {
  it('run in the order of definition, once for each host that notified them', () => {
    const { steps } = tell({
      playbook: `- hosts: all\n${tasks(
        '{name: t1, shell: x, notify: [h2, h1]}',
        '{name: t2, shell: x, notify: h1}',
        '{name: t3, shell: x, notify: h3, changed_when: false}',
      )}${handlers('{name: h1, shell: x}', '{name: h2, shell: x, listen: l}', '{name: h3, shell: x}')}`,
      hosts,
      answer: ({ host, name }) => (name === 't1' && host === 'b' ? { status: 'ok' } : undefined),
    })
    expect(steps.slice(6)).toEqual(['a h1', 'b h1', 'a h2'])
  })

  it('notify later ones in the same flush, earlier ones in the next', () => {
    const { steps } = tell({
      playbook: `- hosts: all\n${tasks('{name: t1, shell: x, notify: h2}')}  post_tasks:\n    - {name: p1, shell: x}\n${handlers(
        '{name: h1, shell: x}',
        '{name: h2, shell: x, notify: [h1, topic]}',
        '{name: h3, shell: x, listen: topic}',
      )}`,
      hosts: ['a'],
    })
    expect(steps).toEqual(['a t1', 'a h2', 'a h3', 'a p1', 'a h1'])
  })

  it('run again at each flush, under an id that tells the flushes apart', () => {
    const { events } = tell({
      playbook: `- hosts: all\n${tasks(
        '{name: t1, shell: x, notify: h1}',
        'meta: flush_handlers',
        '{name: t2, shell: x, notify: h1}',
      )}${handlers('{name: h1, shell: x}')}`,
      hosts: ['a'],
    })
    const ids = events.flatMap(event =>
      event.event === 'step.finished' && event.name === 'h1' ? [event.step] : [],
    )
    expect(ids).toEqual(['/0/handlers/0#1', '/0/handlers/0#2'])
  })

  it('are flushed in each batch for its own hosts', () => {
    const { steps } = tell({
      playbook: `- hosts: all\n  serial: 1\n${tasks('{name: t1, shell: x, notify: h1}')}${handlers('{name: h1, shell: x}')}`,
      hosts,
    })
    expect(steps).toEqual(['a t1', 'a h1', 'b t1', 'b h1'])
  })

  it('of a flush inside a block send a host that fails to its rescue', () => {
    const { steps } = tell({
      playbook: `- hosts: all\n${tasks(
        `block:
        - {name: t1, shell: x, notify: h1}
        - meta: flush_handlers
        - {name: t2, shell: x}
      rescue: [{name: r1, shell: x}]`,
      )}${handlers('{name: h1, shell: x}')}`,
      hosts,
      answer: fails('b h1'),
    })
    expect(steps).toEqual(['a t1', 'b t1', 'a h1', 'b h1', 'a t2', 'b r1'])
  })
})

describe('handlers of hosts that failed', () => {
  const playbook = (keys = ''): string =>
    `- hosts: all\n${keys}${tasks(
      '{name: t1, shell: x, notify: h1}',
      '{name: t2, shell: x}',
    )}${handlers('{name: h1, shell: x}')}`
  const answer = fails('b t2')

  it('are dropped', () => {
    expect(tell({ playbook: playbook(), hosts, answer }).steps.slice(4)).toEqual(['a h1'])
  })

  it('run with force_handlers', () => {
    const { steps, exitCode } = tell({
      playbook: playbook('  force_handlers: true\n'),
      hosts,
      answer,
    })
    expect(steps.slice(4)).toEqual(['a h1', 'b h1'])
    expect(exitCode).toBe(2)
  })

  it('run with --force-handlers, unless their play says no', () => {
    const options = { forceHandlers: true }
    const sectionsOf = (source: string): readonly string[] =>
      read(source, {}, options).playbook.plays.flatMap(({ tasks: steps }) =>
        steps.map(step => step.kind),
      )
    expect(sectionsOf(playbook())).toEqual(['block'])
    expect(sectionsOf(playbook('  force_handlers: false\n'))).not.toContain('block')
  })
})
