import { describe, expect, test } from 'vitest'
import type { Task } from '../../src/runbook/contract.ts'
import { faultsOf } from './support/errors.ts'
import { read } from './support/playbook.ts'

const tasks = (play: string, list: string): readonly Task[] =>
  read(`- hosts: all\n${play}  tasks:\n${list}`).playbook.plays[0]!.tasks as readonly Task[]

const timeoutOf = (text: string): number | undefined =>
  tasks('', `    - debug: {}\n      timeout: ${text}\n`)[0]?.timeoutMs

describe('timeout:', () => {
  test.each([
    ['90', 90_000],
    ['"90"', 90_000],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['0.5', 500],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(timeoutOf(text)).toBe(milliseconds)
  })

  test('is inherited from blocks, and the innermost wins', () => {
    const [block] = read(
      '- hosts: all\n  tasks:\n    - timeout: 1m\n      block:\n' +
        '        - debug: {}\n        - { debug: {}, timeout: 2 }\n        - timeout: 3\n' +
        '          block: [{ debug: {} }]\n      always: [{ debug: {} }]\n',
    ).playbook.plays[0]!.tasks as readonly [
      Extract<import('../../src/runbook/contract.ts').Step, { kind: 'block' }>,
    ]
    const of = (step: unknown): number | undefined => (step as Task).timeoutMs
    expect(block.block.slice(0, 2).map(of)).toEqual([60_000, 2000])
    expect((block.block[2] as typeof block).block.map(of)).toEqual([3000])
    expect(block.always.map(of)).toEqual([60_000])
  })

  test("of a play is the play's own", () => {
    const [play] = read('- hosts: all\n  timeout: 5m\n  tasks: [{ debug: {} }]\n').playbook.plays
    expect(play?.timeoutMs).toBe(300_000)
    expect((play!.tasks[0] as Task).timeoutMs).toBeUndefined()
  })

  test('of a task is not that of what it owes', () => {
    const [task] = tasks(
      '',
      '    - debug: {}\n      timeout: 5\n      release: { debug: {} }\n' +
        '      rollback: { debug: {}, timeout: 7 }\n',
    )
    expect(task?.release?.timeoutMs).toBeUndefined()
    expect(task?.rollback?.timeoutMs).toBe(7000)
  })

  test.each([
    ['soon', '4:16 "timeout" does not have the required form'],
    ['"{{ limit }}"', '4:16 "timeout" must be a duration, and cannot be computed'],
    ['0', '4:16 "timeout" must be more than 0'],
    ['0s', '4:16 "timeout" must be more than 0'],
    ['-5', '4:16 "timeout" must be more than 0'],
    ['[1]', '4:16 "timeout" must be a number or text, not a list'],
  ])('%s is a fault', (text, fault) => {
    const faults = faultsOf(() => timeoutOf(text))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
  })
})

describe('deadline:', () => {
  const deadline =
    (lines: string): (() => unknown) =>
    () =>
      tasks('', `    - debug: {}\n${lines.replace(/^/gm, '      ')}\n`)

  test('is of a task with a release', () => {
    const [task] = tasks('', '    - debug: {}\n      deadline: 10m\n      release: { debug: {} }\n')
    expect(task?.deadlineMs).toBe(600_000)
  })

  test.each([
    ['deadline: 10m', '4:7 a deadline needs a release'],
    [
      'deadline: 10m\nrelease: { repository.backup: { storage: v, paths: [/x] } }',
      '4:7 the release, module "repository.backup", works on all hosts at once',
    ],
    ['deadline: 0.2\nrelease: { debug: {} }', '4:17 "deadline" must be at least 1s'],
    ['deadline: never\nrelease: { debug: {} }', '4:17 "deadline" does not have the required form'],
    [
      'deadline: 9\nregister: r\nrelease: { debug: { msg: "{{ r.x }}" } }',
      '6:16 the release uses "r"',
    ],
    [
      'deadline: 9\nregister: r\nvars: { v: "{{ r.x }}" }\nrelease: { debug: { msg: "{{ v }}" } }',
      '7:16 the release uses "r"',
    ],
  ])('%j is a fault', (lines, fault) => {
    const faults = faultsOf(deadline(lines))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
  })

  test.each([
    [
      'repository.backup: { storage: v, paths: [/x] }',
      'module "repository.backup" works on all hosts at once',
    ],
    ['block: [{ debug: {} }]', 'unknown keyword "deadline" of a block'],
  ])('beside %s is a fault', (what, fault) => {
    const faults = faultsOf(() =>
      tasks(
        '',
        `    - ${what}\n      deadline: 5\n${what.startsWith('block') ? '' : '      release: { debug: {} }\n'}`,
      ),
    )
    expect(faults[0]).toContain(fault)
  })
})
