import { describe, expect, it } from 'vitest'
import { advance } from '../../src/engine/advance.ts'
import type { Request } from '../../src/engine/protocol.ts'
import { initialState, type State } from '../../src/engine/state.ts'
import { fails, programFrom, tell } from './from-text.ts'

const play = (strategy: string, more = ''): string =>
  `- hosts: all\n  strategy: ${strategy}\n${more}  tasks:\n    - {name: t1, shell: x, notify: h}\n    - {name: t2, shell: x}\n  handlers:\n    - {name: h, shell: x}\n`
const hosts = ['a', 'b', 'c']
const ofHost = (steps: readonly string[], host: string): readonly string[] =>
  steps.filter(step => step.startsWith(`${host} `)).map(step => step.slice(2))

/** Answers what is asked of one host for as long as there is something. */
function onlyFor(host: string, playbook: string, forks = 50) {
  const program = programFrom({ playbook, hosts, settings: { forks } })
  const steps: string[] = []
  let state: State = initialState()
  let open: readonly Request[] = []
  let input: Parameters<typeof advance>[2] | undefined = { kind: 'start' }
  while (input !== undefined) {
    const next = advance(program, state, input)
    state = next.state
    open = [...open, ...next.requests]
    const own = open.find(each => each.kind === 'perform' && each.ref.host === host)
    open = open.filter(each => each !== own)
    if (own?.kind === 'perform') steps.push(own.ref.name)
    input =
      own === undefined
        ? undefined
        : { kind: 'performed', id: own.id, outcome: { status: 'changed', result: {} } }
  }
  const waiting = open.flatMap(each => (each.kind === 'perform' ? [each.ref.host] : []))
  return { steps, waiting }
}

describe('strategy: free', () => {
  it('lets a host go to its end while others have not answered once', () => {
    const { steps, waiting } = onlyFor('b', play('free'))
    expect(steps).toEqual(['t1', 't2', 'h'])
    expect(waiting).toEqual(['a', 'c'])
  })

  it('waits for all hosts of a batch before the next one', () => {
    const { steps, waiting } = onlyFor('a', play('free', '  serial: 2\n'))
    expect(steps).toEqual(['t1', 't2', 'h'])
    expect(waiting).toEqual(['b'])
  })

  it('drops what fails and keeps the others; the next play goes on with those', () => {
    const { steps, exitCode } = tell({
      playbook: `${play('free')}- hosts: all\n  tasks:\n    - {name: q, shell: x}\n`,
      hosts,
      answer: fails('b t1'),
    })
    expect(ofHost(steps, 'a')).toEqual(['t1', 't2', 'h', 'q'])
    expect(ofHost(steps, 'b')).toEqual(['t1'])
    expect(exitCode).toBe(2)
  })
})

describe('strategy: host_pinned', () => {
  it('begins no further host before one is through', () => {
    const { steps, waiting } = onlyFor('a', play('host_pinned'), 1)
    expect(steps).toEqual(['t1', 't2', 'h'])
    expect(waiting).toEqual(['b'])
    expect(tell({ playbook: play('host_pinned'), hosts, settings: { forks: 1 } }).steps).toEqual(
      hosts.flatMap(host => ['t1', 't2', 'h'].map(name => `${host} ${name}`)),
    )
  })
})

describe('strategy: linear', () => {
  it('waits for every host at every step', () => {
    const { steps, waiting } = onlyFor('b', play('linear'))
    expect(steps).toEqual(['t1'])
    expect(waiting).toEqual(['a', 'c'])
  })
})
