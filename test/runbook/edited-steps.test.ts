import { describe, expect, test } from 'vitest'
import { editedSteps } from '../../src/runbook/edited-steps.ts'
import { read, tasksById } from './support/playbook.ts'

type Files = Readonly<Record<string, string>>

/** Steps that a run is said to have done, of a playbook as it was, that are not as they were. */
function edited(before: Files, now: Files, steps: readonly string[]): readonly string[] {
  const load = ({ '/play/book.yml': source = '', ...files }: Files) => read(source, files).playbook
  const current = load(now)
  const tasks = tasksById(current)
  return editedSteps({
    before: load(before).documents,
    now: current.documents,
    steps: new Set(steps),
    placeOf: step => tasks[step.replace(/#[^/]*/g, '')]?.place,
  })
}

const book = `- hosts: all
  pre_tasks:
    - { name: first, shell: a }
  tasks:
    - block:
        - { name: inner, shell: b, release: { shell: c } }
    - include_tasks: more.yml
  handlers:
    - { name: h, shell: d }
`
const before: Files = {
  '/play/book.yml': book,
  '/play/more.yml': '- { name: more, shell: e }\n- { shell: f }\n',
}
const tasks = tasksById(read(book, { '/play/more.yml': before['/play/more.yml'] ?? '' }).playbook)
const all = Object.keys(tasks).filter(id => !id.endsWith('/flush'))

test('steps of every file are among them', () => {
  const files = new Set(all.map(id => tasks[id]?.place.file))
  expect([...files]).toEqual(['/play/book.yml', '/play/more.yml'])
})

test('nothing edited, nothing told', () => {
  expect(edited(before, before, all)).toEqual([])
})

test('comments and steps that are not done do no harm', () => {
  const now = { ...before, '/play/book.yml': `# new\n${book.replace('shell: b', 'shell: z')}` }
  const others = all.filter(id => id !== '/0/tasks/0/block/0')
  expect(edited(before, now, others)).toEqual([])
})

describe('what was edited', () => {
  const file = (id: string) => tasks[id]?.place.file ?? ''
  test.each([
    ['shell: a', '/0/pre_tasks/0', '/0/pre_tasks/0 (first)'],
    ['shell: b', '/0/tasks/0/block/0', '/0/tasks/0/block/0 (inner)'],
    ['shell: d', '/0/handlers/0', '/0/handlers/0#1 (h)'],
  ])('%s', (text, id, told) => {
    const source = before[file(id)] ?? ''
    const now = { ...before, [file(id)]: source.replace(text, 'shell: z') }
    const steps = [...all.filter(each => each !== id), told.replace(/ .*/, '')]
    expect(edited(before, now, steps)).toEqual([told])
  })

  test('a step of a file that is included', () => {
    const id = all.find(each => tasks[each]?.name === 'more') ?? ''
    const now = { ...before, '/play/more.yml': '- { name: more, shell: z }\n- { shell: f }\n' }
    expect(edited(before, now, all)).toEqual([`${id} (more)`])
  })

  test('a step that is gone', () => {
    const now = { ...before, '/play/book.yml': book.replace(/ {2}handlers:[\s\S]*/, '') }
    expect(edited(before, now, ['/0/handlers/0'])).toEqual(['/0/handlers/0'])
  })

  test('another file in place of the one that was included', () => {
    const now = {
      '/play/book.yml': book.replace('more.yml', 'other.yml'),
      '/play/other.yml': '- { name: more, shell: e }\n',
    }
    const id = all.find(each => tasks[each]?.name === 'more') ?? ''
    expect(edited(before, now, [id, '/0/tasks/1'])).toHaveLength(2)
  })
})
