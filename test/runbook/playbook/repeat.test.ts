import { describe, expect, test } from 'vitest'
import { isExpression } from '../../../src/expression/contract.ts'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { faultsOf } from '../support/errors.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

const scope = createScope([new Map([['n', literal(7)]])])

function taskOf(keywords: string) {
  const source = withTasks(`    - command: x\n      ${keywords}\n`)
  return tasksById(read(source).playbook)['/0/tasks/0']!
}

describe('until, retries, delay', () => {
  test.each<[string, number, unknown, unknown]>([
    ['until: n > 3', 1, 3, 5],
    ['until: [n > 3, true]\n      retries: 1\n      delay: 0.5', 2, 1, 0.5],
    ['retries: "4"', 0, 4, 5],
    ['retries: 0', 0, 0, 5],
    ['retries: "{{ n }}"\n      delay: "{{ n + 1 }}"', 0, 7, 8],
  ])('%j', (keywords, conditions, retries, delay) => {
    const task = taskOf(keywords)
    expect(task.until ?? []).toHaveLength(conditions)
    expect(renderTree(task.retries!, scope)).toBe(retries)
    expect(renderTree(task.delay!, scope)).toBe(delay)
  })

  test('conditions are bare CEL', () => {
    const [until] = taskOf('until: n > 3').until ?? []
    expect(isExpression(until) && until.source).toBe('n > 3')
  })

  test('without them a task is tried once', () => {
    expect(Object.keys(taskOf('register: x'))).not.toContain('retries')
  })

  test('what is owed may be tried again, too', () => {
    const tasks = tasksById(
      read(withTasks('    - command: x\n      release: { command: y, retries: 2 }\n')).playbook,
    )
    expect(tasks['/0/tasks/0/release']).toMatchObject({ retries: 2, delay: 5 })
  })

  test('a delay alone does nothing', () => {
    const { warnings } = read(withTasks('    - command: x\n      delay: 1\n'))
    expect(warnings).toEqual([
      '/play/book.yml:4:7: "delay" has no effect without "until" or "retries"',
    ])
  })

  test.each([
    ['until: "{{ n }}"', '4:14 a condition is bare CEL: it has no {{ }} around it (write n)'],
    [
      'until: 3',
      '4:14 "until" must be text or true or false or a list, not a number (quote it: "3")',
    ],
    ['until: n is defined', '4:16 "is" is not expected here'],
    ['retries: -1', '4:16 "retries" must be at least 0'],
    [
      'retries: 1.5',
      '4:16 "retries" must be a whole number or text, not a fraction (quote it: "1.5")',
    ],
    ['retries: often', '4:16 "retries" does not have the required form (a number, or {{ }})'],
    ['delay: 5s', '4:14 "delay" does not have the required form (a number, or {{ }})'],
  ])('%s', (keywords, fault) => {
    const [first = ''] = faultsOf(() => taskOf(keywords))
    expect(first).toContain(fault)
  })
})
