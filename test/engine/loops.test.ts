import { expect, it } from 'vitest'
import { tell } from './from-text.ts'

it('an item sees the facts and the result of the items before it', () => {
  const args: unknown[] = []
  tell({
    playbook: `
- hosts: all
  tasks:
    - name: add
      shell: "{{ default(sum, 0) + item }} {{ default(r.n, 'none') }}"
      loop: [1, 2, 3]
      register: r
    - {name: use, shell: "{{ sum }} {{ size(r.results) }}"}
`,
    hosts: ['a'],
    answer: ({ item, request }) => {
      args.push((request.args as { cmd: unknown }).cmd)
      const sum = { '1': 1, '2': 3, '3': 6 }[item ?? '']
      return sum === undefined ? undefined : { result: { n: sum, ansible_facts: { sum } } }
    },
  })
  expect(args).toEqual(['1 none', '3 1', '6 3', '6 3'])
})

it('an item sees them in its condition, and other hosts do not', () => {
  const { steps } = tell({
    playbook: `
- hosts: all
  tasks:
    - {name: once, shell: x, loop: [1, 2], when: "!defined(done)"}
    - {name: again, shell: x, when: "done == inventory_hostname"}
`,
    hosts: ['a', 'b'],
    answer: ({ host, name }) =>
      name === 'once' ? { result: { ansible_facts: { done: host } } } : undefined,
  })
  expect(steps).toEqual(['a once 1', 'b once 1', 'a again', 'b again'])
})
