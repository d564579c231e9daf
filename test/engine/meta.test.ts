import { describe, expect, it } from 'vitest'
import { fails, tell } from './from-text.ts'

const hosts = ['a', 'b', 'c']
const play = (keys: string, ...list: readonly string[]): string =>
  `- hosts: all\n${keys}  tasks:\n${list.map(each => `    - ${each}\n`).join('')}`
const t = (name: string): string => `{name: ${name}, shell: x}`
const later = play('', t('later'))
const onB = "when: inventory_hostname == 'b'"

describe('meta', () => {
  it('end_host ends a host for its play, without a failure', () => {
    const { steps, exitCode } = tell({
      playbook: play('', t('t1'), `{meta: end_host, ${onB}}`, t('t2')) + later,
      hosts,
    })
    expect(steps.slice(3)).toEqual(['a t2', 'c t2', 'a later', 'b later', 'c later'])
    expect(exitCode).toBe(0)
  })

  it('end_batch ends the batch when its first host says so, and the next one begins', () => {
    const { steps } = tell({
      playbook: play(
        '  serial: 2\n',
        t('t1'),
        `{meta: end_batch, when: "inventory_hostname == 'a'"}`,
        t('t2'),
      ),
      hosts,
    })
    expect(steps).toEqual(['a t1', 'b t1', 'c t1', 'c t2'])
  })

  it('end_play ends all batches; the next play runs on all hosts', () => {
    const { steps } = tell({
      playbook: play('  serial: 1\n', t('t1'), `{meta: end_play, ${onB}}`, t('t2')) + later,
      hosts,
    })
    expect(steps).toEqual(['a t1', 'a t2', 'b t1', 'a later', 'b later', 'c later'])
  })

  it('clear_host_errors lets failed hosts into the next play, and the run has still failed', () => {
    const { steps, exitCode } = tell({
      playbook: play('', t('t1'), 'meta: clear_host_errors', t('t2')) + later,
      hosts,
      answer: fails('b t1'),
    })
    expect(steps.slice(3)).toEqual(['a t2', 'c t2', 'a later', 'b later', 'c later'])
    expect(exitCode).toBe(2)
  })

  it('clear_host_errors does nothing for a host that fails later', () => {
    const { steps } = tell({
      playbook: play('', t('t1'), 'meta: clear_host_errors', t('t2')) + later,
      hosts,
      answer: fails('b t1', 'c t2'),
    })
    expect(steps.slice(5)).toEqual(['a later', 'b later'])
  })

  it('end_role leaves the rest of the role alone, and what follows it runs', () => {
    const { steps } = tell({
      playbook: play('', 'include_role: {name: r}', t('after')),
      files: {
        'roles/r/tasks/main.yml': `- ${t('r1')}\n- {meta: end_role, ${onB}}\n- ${t('r2')}\n`,
      },
      hosts,
    })
    expect(steps.slice(3)).toEqual(['a r2', 'c r2', 'a after', 'b after', 'c after'])
  })
})
