import { describe, expect, it } from 'vitest'
import { fails, tell } from './from-text.ts'

const hosts = ['a', 'b', 'c', 'd']
const play = (keys: string, tasks: string): string => `- hosts: all\n  ${keys}\n  tasks:\n${tasks}`
const two = '    - {name: t1, shell: x}\n    - {name: t2, shell: x}\n'
const later = '- hosts: all\n  tasks:\n    - {name: later, shell: x}\n'
const stepsOf = (steps: readonly string[], name: string): readonly string[] =>
  steps.filter(step => step.split(' ')[1] === name)

describe('max_fail_percentage', () => {
  it('ends the playbook at more than its share, not at just as much', () => {
    const answer = fails('a t1')
    const at = (limit: number) =>
      tell({ playbook: play(`max_fail_percentage: ${limit}`, two) + later, hosts, answer })
    expect(stepsOf(at(25).steps, 't2')).toEqual(['b t2', 'c t2', 'd t2'])
    expect(stepsOf(at(25).steps, 'later')).toEqual(['b later', 'c later', 'd later'])
    expect(at(24).steps).toEqual(['a t1', 'b t1', 'c t1', 'd t1'])
    expect(at(24).exitCode).toBe(2)
  })

  it('counts the hosts of each batch for themselves', () => {
    const { steps } = tell({
      playbook: play('serial: 2\n  max_fail_percentage: 50', two) + later,
      hosts,
      answer: fails('a t1', 'c t1'),
    })
    expect(stepsOf(steps, 't2')).toEqual(['b t2', 'd t2'])
    expect(stepsOf(steps, 'later')).toEqual(['b later', 'd later'])
  })

  it('waits for what a rescue or an always has yet to do', () => {
    const block = (rest: string): string =>
      play(
        'max_fail_percentage: 24',
        `    - block:\n        - {name: t1, shell: x}\n        - {name: t2, shell: x}\n      ${rest}: [{name: tidy, shell: x}]\n    - {name: t3, shell: x}\n`,
      )
    const rescued = tell({ playbook: block('rescue'), hosts, answer: fails('a t1') })
    expect(stepsOf(rescued.steps, 't3')).toHaveLength(4)
    const tidied = tell({ playbook: block('always'), hosts, answer: fails('a t1') })
    expect(stepsOf(tidied.steps, 't2')).toEqual(['b t2', 'c t2', 'd t2'])
    expect(stepsOf(tidied.steps, 'tidy')).toHaveLength(4)
    const both = tell({ playbook: block('always'), hosts, answer: fails('a t1', 'b t3') })
    expect(stepsOf(both.steps, 't3')).toEqual(['b t3', 'c t3', 'd t3'])
    expect(both.state.stopped).toBe(true)
  })

  it('counts hosts that were not reached, too', () => {
    const { steps } = tell({
      playbook: play('max_fail_percentage: 24', two),
      hosts,
      answer: ({ host }) => (host === 'a' ? { status: 'unreachable' } : undefined),
    })
    expect(stepsOf(steps, 't2')).toEqual([])
  })
})

describe('a batch that lost all of its hosts', () => {
  it('ends the playbook', () => {
    const { steps, exitCode } = tell({
      playbook: play('serial: 2', two) + later,
      hosts,
      answer: fails('a t1', 'b t2'),
    })
    expect(steps).toEqual(['a t1', 'b t1', 'b t2'])
    expect(exitCode).toBe(2)
  })

  it('does not where one of them goes on', () => {
    const { steps } = tell({
      playbook: play('serial: 2', two) + later,
      hosts,
      answer: fails('a t1'),
    })
    expect(stepsOf(steps, 'later')).toEqual(['b later', 'c later', 'd later'])
  })
})
