import { describe, expect, it } from 'vitest'
import { startAt } from '../../../src/runbook/selection/start-at.ts'
import { including, namesIn, playbookOf, withFirstTasks } from './support.ts'

const book = playbookOf(`
- name: one
  hosts: all
  confirm: Really?
  tasks:
    - { name: t1, tags: always, debug: { msg: hi } }
    - name: blk
      block:
        - { name: b1, debug: { msg: hi } }
        - { name: b2, debug: { msg: hi } }
      rescue:
        - { name: r1, debug: { msg: hi } }
      always:
        - { name: a1, debug: { msg: hi } }
        - { name: a2, debug: { msg: hi } }
    - { name: "for {{ inventory_hostname }}", debug: { msg: hi } }
    - { debug: { msg: hi } }
- name: two
  hosts: web
  tasks:
    - { name: t3, debug: { msg: hi } }
    - { name: t1, debug: { msg: hi } }
`)
const all = () => true

/** What ansible-playbook 2.19.14 runs of the same playbook. */
const cases: readonly (readonly [string, string])[] = [
  ['t1', 't1 b1 b2 r1 a1 a2 for {{ inventory_hostname }} debug | t3 t1'],
  ['b2', 'b2 r1 a1 a2 for {{ inventory_hostname }} debug | t3 t1'],
  ['a2', 'a2 for {{ inventory_hostname }} debug | t3 t1'],
  ['for *', 'for {{ inventory_hostname }} debug | t3 t1'],
  ['for {{ inventory_hostname }}', 'for {{ inventory_hostname }} debug | t3 t1'],
  ['debug', 'debug | t3 t1'],
  ['t[23]', '| t3 t1'],
]

describe('--start-at-task', () => {
  it.each(cases)('%s: %s', (glob, expected) => {
    expect(namesIn(startAt(book, glob, all)).map(names => names.join(' '))).toEqual(
      expected.split('|').map(part => part.trim()),
    )
  })

  it('asks nothing for the plays that it leaves out', () => {
    expect(startAt(book, 't3', all).plays[0]?.confirm).toBeUndefined()
    expect(startAt(book, 'b2', all).plays[0]?.confirm).toBeDefined()
  })

  it('does not search plays without hosts', () => {
    const attempt = () => startAt(book, 't3', play => play === 0)
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'run.nothing_matched',
        hint: expect.stringContaining('is in a play that has no hosts'),
      }),
    )
    expect(namesIn(startAt(book, 't1', play => play === 1))).toEqual([[], ['t3', 't1'].slice(1)])
  })

  it('finds tasks of roles by their own names and with the role', () => {
    const inRole = withFirstTasks(book, task => ({
      ...task,
      role: { name: 'r', path: '/r', defaults: [], vars: [], params: new Map() },
    }))
    const rest = namesIn(startAt(inRole, 't1', all))
    expect(rest[0]?.[0]).toBe('r : t1')
    expect(namesIn(startAt(inRole, 'r : t1', all))).toEqual(rest)
    expect(namesIn(startAt(inRole, 'r : debug', all))[0]).toEqual(['r : debug'])
    expect(() => startAt(inRole, 'debug', all)).toThrow('no task is called "debug"')
  })

  it.each(['r1', 'blk', 'inner'])('cannot start at %s', name => {
    const [child] = playbookOf('- hosts: all\n  tasks: [{ name: inner, debug: { msg: a } }]\n')
      .plays.flatMap(play => play.tasks)
      .filter(step => step.kind === 'task')
    const withInclude = withFirstTasks(book, task =>
      task.name === undefined && child !== undefined ? including(task, [child]) : task,
    )
    expect(() => startAt(withInclude, name, all)).toThrow(
      expect.objectContaining({ code: 'run.nothing_matched' }),
    )
  })

  it('says where a task stands that cannot be started at', () => {
    expect(() => startAt(book, 'r1', all)).toThrow(
      expect.objectContaining({
        hint: 'the one at /play/book.yml:12 stands in a rescue or in an included file: start at the block or the include',
      }),
    )
  })

  it('names the task that was meant', () => {
    const named = playbookOf('- hosts: all\n  tasks: [{ name: Stop it, debug: { msg: a } }]\n')
    expect(() => startAt(named, 'Stop in', all)).toThrow(
      expect.objectContaining({ hint: 'did you mean "Stop it"?' }),
    )
  })
})
