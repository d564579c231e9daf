import { describe, expect, it } from 'vitest'
import { fails, type Told, tell } from './from-text.ts'

const hosts = ['a', 'b']
const inc = '- {name: i1, shell: x}\n- {name: i2, shell: x}\n'
const withTasks = (...list: readonly string[]): string =>
  `- hosts: all\n  tasks:\n${list.map(each => `    - ${each}\n`).join('')}`

/** `host step-id` of what was performed. */
function idsOf({ events }: Told): readonly string[] {
  return events.flatMap(event =>
    event.event === 'step.finished' && event.module === 'shell'
      ? [`${event.host} ${event.step}`]
      : [],
  )
}

describe('steps that an include puts in', () => {
  it('run for all hosts together, and have ids below their include', () => {
    const told = tell({
      playbook: withTasks('include_tasks: inc.yml', '{name: end, shell: x}'),
      files: { 'inc.yml': inc },
      hosts,
    })
    expect(told.steps).toEqual(['a i1', 'b i1', 'a i2', 'b i2', 'a end', 'b end'])
    expect(new Set(idsOf(told)).size).toBe(6)
    expect(idsOf(told)[0]).toMatch(/^a \/0\/tasks\/0\//)
  })

  it('have an id for each item, also below one another', () => {
    const told = tell({
      playbook: withTasks('{include_tasks: outer.yml, loop: [1, 2], loop_control: {loop_var: o}}'),
      files: {
        'outer.yml': '- {include_tasks: inner.yml, loop: [x, y]}\n',
        'inner.yml': '- {name: "in {{ o }}{{ item }}", shell: x}\n',
      },
      hosts: ['a'],
    })
    expect(told.steps).toEqual(['a in 1x', 'a in 1y', 'a in 2x', 'a in 2y'])
    const ids = idsOf(told)
    expect(new Set(ids).size).toBe(4)
    expect(ids[3]).toMatch(/#1\/.*#1/)
  })

  it('run apart for hosts whose items differ, under ids of their own', () => {
    const told = tell({
      playbook: withTasks(
        `{include_tasks: inc.yml, loop: "{{ inventory_hostname == 'a' ? [1, 2] : [1, 3] }}"}`,
      ),
      files: { 'inc.yml': '- {name: "i {{ item }}", shell: x}\n' },
      hosts,
    })
    expect(told.steps).toEqual(['a i 1', 'b i 1', 'a i 2', 'b i 3'])
    expect(new Set(idsOf(told).map(each => each.split(' ')[1])).size).toBe(3)
  })

  it('run on one host where their include is run_once', () => {
    const { steps } = tell({
      playbook: withTasks('{include_tasks: inc.yml, run_once: true}', '{name: end, shell: x}'),
      files: { 'inc.yml': inc },
      hosts,
    })
    expect(steps).toEqual(['a i1', 'a i2', 'a end', 'b end'])
  })

  it('leave out hosts that failed in an earlier item', () => {
    const { steps } = tell({
      playbook: withTasks('{include_tasks: inc.yml, loop: [1, 2]}', '{name: end, shell: x}'),
      files: { 'inc.yml': inc },
      hosts,
      answer: fails('b i1'),
    })
    expect(steps).toEqual(['a i1', 'b i1', 'a i2', 'a i1', 'a i2', 'a end'])
  })

  it('send a host that fails to the rescue around their include', () => {
    const { steps } = tell({
      playbook: withTasks(
        'block: [{include_tasks: inc.yml}, {name: t, shell: x}]\n      rescue: [{name: r, shell: x}]',
      ),
      files: { 'inc.yml': inc },
      hosts,
      answer: fails('b i1'),
    })
    expect(steps).toEqual(['a i1', 'b i1', 'a i2', 'a t', 'b r'])
  })
})
