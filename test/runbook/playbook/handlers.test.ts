import { describe, expect, test } from 'vitest'
import type { Play, Step } from '../../../src/runbook/contract.ts'
import { faultsOf } from '../support/errors.ts'
import { read } from '../support/playbook.ts'

const handlers = `  handlers:
    - name: reload
      debug: {}
      listen: [web, all]
    - listen: all
      debug: {}
`

function playOf(source: string): Play {
  return read(source).playbook.plays[0]!
}

/** Ids of steps; those of a block's sections below it. */
function shape(steps: readonly Step[]): unknown {
  return steps.map(step =>
    step.kind === 'task' ? step.id : { [step.id]: [shape(step.block), shape(step.always)] },
  )
}

const sections = `- hosts: all
  pre_tasks: [{ debug: {} }]
  tasks: [{ debug: {}, notify: web }, { debug: {}, notify: ["{{x}}", reload] }]
  post_tasks: [{ block: [{ debug: {} }] }]
`

describe('sections', () => {
  test('run one after the other', () => {
    expect(shape(playOf(sections.replaceAll(/, notify: [^ ]*( reload\])?/g, '')).tasks)).toEqual([
      '/0/pre_tasks/0',
      '/0/tasks/0',
      '/0/tasks/1',
      { '/0/post_tasks/0': [['/0/post_tasks/0/block/0'], []] },
    ])
  })

  test('with handlers, each ends with a flush that is not shown', () => {
    const play = playOf(sections + handlers)
    expect(shape(play.tasks)).toEqual([
      '/0/pre_tasks/0',
      '/0/pre_tasks/flush',
      '/0/tasks/0',
      '/0/tasks/1',
      '/0/tasks/flush',
      { '/0/post_tasks/0': [['/0/post_tasks/0/block/0'], []] },
      '/0/post_tasks/flush',
    ])
    expect(play.tasks[1]).toMatchObject({
      module: 'meta',
      meta: 'flush_handlers',
      implicit: true,
      tags: ['always'],
      place: { line: 2 },
    })
  })

  test('a section without steps needs no flush', () => {
    const play = playOf(`- hosts: all\n  tasks: [{ debug: {} }]\n  post_tasks: []\n${handlers}`)
    expect(shape(play.tasks)).toEqual(['/0/tasks/0', '/0/tasks/flush'])
  })

  test('force_handlers: the flush runs whatever became of the section', () => {
    const play = playOf(`${sections}  force_handlers: true\n  tags: t\n${handlers}`)
    expect(play.forceHandlers).toBe(true)
    expect(shape(play.tasks)).toEqual([
      { '/0/pre_tasks': [['/0/pre_tasks/0'], ['/0/pre_tasks/flush']] },
      { '/0/tasks': [['/0/tasks/0', '/0/tasks/1'], ['/0/tasks/flush']] },
      {
        '/0/post_tasks': [
          [{ '/0/post_tasks/0': [['/0/post_tasks/0/block/0'], []] }],
          ['/0/post_tasks/flush'],
        ],
      },
    ])
    expect(play.tasks[0]).toMatchObject({ transparent: true, rescue: [] })
    expect(play.tasks[0]).toMatchObject({ always: [{ tags: ['t'] }] })
  })
})

describe('handlers', () => {
  const play = playOf(sections + handlers)

  test('keep the order they have, with their names and topics', () => {
    expect(play.handlers).toMatchObject([
      { id: '/0/handlers/0', name: 'reload', listen: ['web', 'all'] },
      { id: '/0/handlers/1', name: undefined, listen: ['all'] },
    ])
  })

  test('tasks name them by name, topic or {{ }}', () => {
    expect(play.tasks[2]).toMatchObject({ notify: ['web'] })
    expect(play.tasks[3]).toMatchObject({ notify: [expect.anything(), 'reload'] })
  })

  test('a block hands its handlers down; what a task owes notifies nobody', () => {
    const [block] = playOf(`- hosts: all
  tasks:
    - notify: reload
      block:
        - { debug: {}, release: { debug: {} } }
        - { debug: {}, notify: web }
${handlers}`).tasks
    expect(block).toMatchObject({ block: [{ notify: ['reload'] }, { notify: ['web'] }] })
    const [task] = block?.kind === 'block' ? block.block : []
    expect(task?.kind === 'task' && task.release).not.toHaveProperty('notify')
  })

  test('a meta task may be a handler', () => {
    const source = '- hosts: a\n  handlers: [{ name: x, listen: y, meta: noop }]\n'
    expect(playOf(source).handlers).toMatchObject([{ name: 'x', listen: ['y'], meta: 'noop' }])
  })

  test('a handler may owe, and notify others', () => {
    const source = `- hosts: a
  handlers:
    - { name: x, debug: {}, notify: y, rollback: { debug: {} } }
    - { name: y, debug: {} }
`
    expect(playOf(source).handlers).toMatchObject([
      { notify: ['y'], rollback: { id: '/0/handlers/0/rollback' } },
      {},
    ])
  })
})

describe('faults', () => {
  const notifying = (word: string, more = handlers) =>
    `- hosts: all\n  tasks:\n    - debug: {}\n      notify: ${word}\n${more}`

  test.each([
    ['relod', '4:15 no handler of the play is called "relod" (did you mean "reload"?)'],
    ['[web, x]', '4:21 no handler of the play is called "x" (known: reload, web, all)'],
    ['[1]', '4:16 item 1 of "notify" must be text, not a number (quote it: "1")'],
  ])('notify: %s', (word, fault) => {
    expect(faultsOf(() => read(notifying(word)))).toEqual([fault])
  })

  test('handlers are those of the play', () => {
    expect(faultsOf(() => read(`${notifying('web', '')}- hosts: all\n${handlers}`))).toEqual([
      '4:15 no handler of the play is called "web" (the play has no handlers)',
    ])
  })

  test('of a handler whose name is computed nothing is known', () => {
    const more = '  handlers: [{ name: "restart {{ x }}", debug: {} }]\n'
    expect(() => read(notifying('restart nginx', more))).not.toThrow()
  })

  test.each([
    [
      '[{ name: x, block: [] }]',
      '2:25 a handler is one task, not a block (write several handlers that listen to one topic)',
    ],
    [
      '[x]',
      '2:14 a handler must be a map, not text (write "- name: ..." and the name of a module below it)',
    ],
    [
      '[{ name: x, meta: flush_handlers }]',
      '2:14 a handler cannot flush the handlers (write "meta: flush_handlers" among the tasks)',
    ],
    [
      '[{ name: x, debug: {}, listen: "{{ y }}" }]',
      '2:44 the topics of "listen" cannot be computed (write them as they are notified)',
    ],
    ['{ name: x, debug: {} }', '2:13 "handlers" must be a list or empty, not a map'],
  ])('handlers: %s', (list, fault) => {
    expect(faultsOf(() => read(`- hosts: a\n  handlers: ${list}\n`))).toEqual([fault])
  })

  test('only handlers listen', () => {
    expect(faultsOf(() => read('- hosts: a\n  tasks: [{ debug: {}, listen: x }]\n'))).toEqual([
      '2:24 only a handler can listen (move it to a handler of the play)',
    ])
  })
})

describe('warnings', () => {
  test('of two handlers of one name in a list the first one runs', () => {
    const source = `- hosts: a
  handlers:
    - { name: x, debug: {} }
    - { name: x, debug: {} }
    - { debug: {} }
`
    expect(read(source).warnings).toEqual([
      '/play/book.yml:5:7: a handler without "name" and "listen" is never notified',
      '/play/book.yml:4:7: the handler "x" of line 3 is run in place of this',
    ])
  })
})
