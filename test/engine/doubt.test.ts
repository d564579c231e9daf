import { describe, expect, it } from 'vitest'
import { tell, type Written } from './from-text.ts'

/** The steps of a plan, `?` behind those that may be left out. */
function planned(playbook: string, answer: NonNullable<Written['answer']>): readonly string[] {
  const seen: string[] = []
  tell({
    playbook,
    hosts: ['a', 'b'],
    files: { 'inc.yml': '- { name: i1, shell: x }\n' },
    mode: 'plan',
    answer: step => {
      const { host, name, request } = step
      seen.push(`${host} ${name}${request.mayBeSkipped ? '?' : ''}`)
      return answer(step)
    },
  })
  return seen
}

const doubtOn =
  (words: string): NonNullable<Written['answer']> =>
  ({ host, name }) =>
    `${host} ${name}` === words ? { status: 'changed', certainty: 'maybe' } : undefined

describe('a plan', () => {
  it('says that a handler may run where only a step that may change something notifies it', () => {
    const playbook = `- hosts: all
  tasks: [{ name: t, shell: x, notify: h }]
  handlers: [{ name: h, shell: x }]
`
    expect(planned(playbook, doubtOn('b t'))).toEqual(['a t', 'b t', 'a h', 'b h?'])
  })

  it('is sure of a handler that another step notifies for certain, before or after', () => {
    const playbook = (first: string, second: string): string => `- hosts: all
  tasks: [{ name: ${first}, shell: x, notify: h }, { name: ${second}, shell: x, notify: h }]
  handlers: [{ name: h, shell: x }]
`
    expect(planned(playbook('t', 'u'), doubtOn('b t')).slice(-2)).toEqual(['a h', 'b h'])
    expect(planned(playbook('u', 't'), doubtOn('b t')).slice(-2)).toEqual(['a h', 'b h'])
  })

  it('says that steps may run that are included on a condition not known yet', () => {
    const playbook = `- hosts: all
  tasks:
    - { name: t, shell: x, register: r }
    - { include_tasks: inc.yml, when: r.changed }
    - { name: u, shell: x }
`
    const seen = planned(playbook, doubtOn('b t'))
    expect(seen).toEqual(['a t', 'b t', 'a i1', 'b i1?', 'a u', 'b u'])
  })
})
