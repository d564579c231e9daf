import { describe, expect, it } from 'vitest'
import { isSelected, selectTags, unreachableTags } from '../../../src/runbook/selection/tags.ts'
import { including, namesIn, playbookOf, withFirstTasks } from './support.ts'

/** The playbook of ansible-diff 13-tags. */
const book = playbookOf(`
- name: p
  hosts: all
  confirm: Really?
  lock: { name: p }
  tasks:
    - { name: plain, debug: { msg: hi } }
    - { name: x, tags: x, debug: { msg: hi } }
    - { name: y, tags: [y], debug: { msg: hi } }
    - { name: xy, tags: 'x, y', debug: { msg: hi } }
    - { name: alw, tags: always, debug: { msg: hi } }
    - { name: nev, tags: [never, dbg], debug: { msg: hi } }
    - name: blk
      tags: x
      block:
        - { name: inb, tags: z, debug: { msg: hi } }
- name: q
  hosts: all
  confirm: Really?
  lock: { name: q }
  tags: y
  tasks:
    - { name: qt, debug: { msg: hi } }
`)

const split = (text: string): readonly string[] => text.split(' ').filter(Boolean)
const selection = (tags: string, skipTags: string) => ({
  tags: split(tags),
  skipTags: split(skipTags),
})

/** As recorded; `skip-tagged` is the one wanted difference. */
const cases: readonly (readonly [string, string, string])[] = [
  ['', '', 'plain x y xy alw inb | qt'],
  ['x', '', 'x xy alw inb |'],
  ['x z', '', 'x xy alw inb |'],
  ['dbg', '', 'alw nev |'],
  ['never', '', 'alw nev |'],
  ['all', '', 'plain x y xy alw inb | qt'],
  ['all dbg', '', 'plain x y xy alw nev inb | qt'],
  ['tagged', '', 'x y xy alw inb | qt'],
  ['untagged', '', 'plain alw |'],
  ['', 'x', 'plain y alw | qt'],
  ['', 'always', 'plain x y xy inb | qt'],
  ['', 'all', 'alw |'],
  ['', 'tagged', 'plain alw |'],
  ['', 'untagged', 'x y xy alw inb | qt'],
  ['', 'tagged always', 'plain |'],
  ['x', 'y', 'x alw inb |'],
  ['nosuch', '', 'alw |'],
]

describe('--tags and --skip-tags', () => {
  it.each(cases)('--tags "%s" --skip-tags "%s": %s', (tags, skipTags, expected) => {
    const selected = selectTags(book, selection(tags, skipTags))
    expect(namesIn(selected).map(names => names.join(' '))).toEqual(
      expected.split('|').map(part => part.trim()),
    )
  })

  it('leaves ids as they are', () => {
    const selected = selectTags(book, selection('z', ''))
    const [block] = selected.plays[0]?.tasks.filter(step => step.kind === 'block') ?? []
    expect(block?.id).toBe('/0/tasks/6')
    expect(block?.kind === 'block' && block.block[0]?.id).toBe('/0/tasks/6/block/0')
  })

  it('asks and locks nothing for a play that has nothing left to do', () => {
    const [p, q] = selectTags(book, selection('x', '')).plays
    expect([p?.confirm, p?.lock]).not.toContain(undefined)
    expect([q?.confirm, q?.lock]).toEqual([undefined, undefined])
  })

  it('refuses a selection that leaves nothing, and says which tags there are', () => {
    const attempt = () => selectTags(book, selection('dbgg', 'always'))
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'run.nothing_matched',
        message:
          '--tags dbgg --skip-tags always leaves no task; no task has the tag "dbgg": did you mean "dbg"?',
        hint: 'tags there are: always, dbg, never, x, y, z',
      }),
    )
  })

  it('leaves a playbook without tasks alone', () => {
    const empty = playbookOf('- hosts: all\n  tasks: []\n')
    expect(namesIn(selectTags(empty, selection('x', '')))).toEqual([[]])
  })

  it('tells of a playbook that never does anything unless it is asked to', () => {
    const never = playbookOf('- hosts: all\n  tasks: [{ debug: { msg: a }, tags: never }]\n')
    expect(() => selectTags(never, selection('', ''))).toThrow('every task is tagged "never"')
  })

  it('keeps what a task owes, and the parts of a block that are left', () => {
    const owing = playbookOf(`
- hosts: all
  tasks:
    - block:
        - { name: a, debug: { msg: a } }
      rescue:
        - { name: r, debug: { msg: r } }
      always:
        - { name: c, tags: keep, debug: { msg: c }, release: { debug: { msg: gone } } }
`)
    const [block] = selectTags(owing, selection('keep', '')).plays[0]?.tasks ?? []
    if (block?.kind !== 'block') throw new Error('the block is gone')
    const [task] = block.always
    expect([block.block, block.rescue]).toEqual([[], []])
    expect(task?.kind === 'task' && task.release?.module).toBe('debug')
  })
})

describe('tags and includes', () => {
  const children = playbookOf(`
- hosts: all
  tasks:
    - { name: deep, tags: deep, debug: { msg: hi } }
    - { name: shallow, debug: { msg: hi } }
`).plays[0]?.tasks.filter(step => step.kind === 'task')
  const including2 = withFirstTasks(
    playbookOf('- hosts: all\n  tasks: [{ name: inc, debug: { msg: hi } }]\n'),
    task => including(task, children ?? []),
  )
  const childrenLeft = (tags: string): readonly string[] => {
    const [include] = selectTags(including2, selection(tags, '')).plays[0]?.tasks ?? []
    if (include?.kind !== 'task') return []
    const names = [...(include.include?.choices.values() ?? [])].flatMap(block => block.block)
    return names.flatMap(step => (step.kind === 'task' ? [String(step.name)] : []))
  }

  it('keeps an include for the sake of one of its tasks, and of these the selected ones', () => {
    expect(childrenLeft('deep')).toEqual(['deep'])
    expect(childrenLeft('untagged')).toEqual(['shallow'])
    expect(childrenLeft('')).toEqual(['deep', 'shallow'])
  })

  it('leaves it out with all of its tasks', () => {
    expect(() => childrenLeft('other')).toThrow('leaves no task')
  })
})

describe('what bkp put in itself', () => {
  it('stays, and is no task that could be selected', () => {
    const flushing = withFirstTasks(book, task =>
      task.module === 'debug' && task.tags.length === 0
        ? { ...task, name: 'flush', module: 'meta', meta: 'flush_handlers', implicit: true }
        : task,
    )
    expect(namesIn(selectTags(flushing, selection('z', '')))).toEqual([['flush', 'alw', 'inb'], []])
    expect(() => selectTags(flushing, selection('none', 'always'))).toThrow('leaves no task')
  })
})

describe('tags that no task has', () => {
  it('are told, with the one that was meant', () => {
    expect(unreachableTags(book, selection('x y', 'dbgg'))).toEqual([
      'no task has the tag "dbgg": did you mean "dbg"?',
    ])
    expect(unreachableTags(book, selection('nightly taged', ''))).toEqual([
      'no task has the tag "nightly"',
      'no task has the tag "taged": did you mean "tagged"?',
    ])
    expect(unreachableTags(book, selection('all tagged', 'untagged always never'))).toEqual([])
  })
})

/** Every set of a task's tags against every flag, by Ansible's own rules, one written after the other. */
describe('the rules, exhaustively', () => {
  const sets = (words: readonly string[]): readonly (readonly string[])[] =>
    Array.from({ length: 2 ** words.length }, (_, bits) =>
      words.filter((_word, index) => (bits >> index) % 2 === 1),
    )
  const byAnsible = (
    own: readonly string[],
    only: readonly string[],
    skip: readonly string[],
  ): boolean => {
    const tags = new Set(own.length > 0 ? own : ['untagged'])
    const meets = (other: readonly string[]) => other.some(tag => tags.has(tag))
    let run = true
    if (tags.has('always')) run = true
    else if (only.includes('all') && !tags.has('never')) run = true
    else if (meets(only)) run = true
    else run = only.includes('tagged') && own.length > 0 && !tags.has('never')
    if (!run || skip.length === 0) return run
    if (skip.includes('all')) return tags.has('always') && !skip.includes('always')
    if (meets(skip)) return false
    // The wanted difference: `always` stays.
    if (skip.includes('tagged') && own.length > 0) return tags.has('always')
    return true
  }

  it('are the same', () => {
    const owns = sets(['always', 'never', 'x'])
    const flags = sets(['all', 'always', 'never', 'tagged', 'untagged', 'x'])
    for (const own of owns)
      for (const tags of flags.slice(1))
        for (const skipTags of flags)
          expect(isSelected(own, { tags, skipTags }), JSON.stringify({ own, tags, skipTags })).toBe(
            byAnsible(own, tags, skipTags),
          )
  })
})
