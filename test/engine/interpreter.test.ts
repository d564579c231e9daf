import { describe, expect, it } from 'vitest'
import { advance } from '../../src/engine/advance.ts'
import { initialState } from '../../src/engine/state.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { failing, programOf, simulate } from './simulate.ts'

describe('linear strategy', () => {
  it('finishes a task on all hosts before the next begins, and drops failed hosts', () => {
    const trace = simulate({
      plays: [[{ name: 't1' }, { name: 't2' }, { name: 't3' }]],
      answer: failing('b', 't2'),
    })
    expect(trace.steps).toEqual(['a t1', 'b t1', 'c t1', 'a t2', 'b t2', 'c t2', 'a t3', 'c t3'])
    expect(trace.recap).toEqual({
      a: { ok: 3, changed: 3 },
      b: { ok: 1, changed: 1, failed: 1 },
      c: { ok: 3, changed: 3 },
    })
    expect(trace.state.exitCode).toBe(2)
  })

  it('keeps failed hosts out of later plays and stops when a play lost all of its hosts', () => {
    const later = simulate({
      plays: [[{ name: 't1' }], [{ name: 't2' }]],
      answer: failing('b', 't1'),
    })
    expect(later.steps.slice(3)).toEqual(['a t2', 'c t2'])
    const fatal = simulate({
      plays: [[{ name: 't1', anyErrorsFatal: true }], [{ name: 't2' }]],
      answer: failing('b', 't1'),
    })
    expect(fatal.steps).toEqual(['a t1', 'b t1', 'c t1'])
    expect(fatal.recap).toEqual({
      a: { ok: 1, changed: 1 },
      b: { failed: 1 },
      c: { ok: 1, changed: 1 },
    })
  })

  it('tells failed from unreachable in the exit code', () => {
    const plays = [[{ name: 't1' }]]
    expect(simulate({ plays, answer: failing('b', 't1', 'unreachable') }).state.exitCode).toBe(4)
    const both = simulate({
      plays,
      answer: (host, name) =>
        failing('a', 't1')(host, name, {}) ?? failing('b', 't1', 'unreachable')(host, name, {}),
    })
    expect(both.state.exitCode).toBe(3)
  })
})

describe('variables and conditions', () => {
  it('renders inventory, play, task and registered variables, the task winning', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          { name: 'ask', register: 'r' },
          {
            name: 'use',
            vars: { r2: '{{ r.rc + 1 }}' },
            args: {
              all: '{{ from }} {{ from_play }} {{ r2 }}',
              list: '{{ r.list }}',
              left: '{{ omit }}',
            },
          },
        ],
      ],
      answer: (_host, name) => (name === 'ask' ? { result: { rc: 2, list: [1, 2] } } : undefined),
    })
    expect(trace.args[1]).toEqual({ all: 'inventory-a play a 3', list: [1, 2] })
  })

  it('never renders a value that came from a host', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          { name: 'ask', register: 'r' },
          { name: 'use', args: { v: '{{ r.stdout }}' } },
        ],
      ],
      answer: () => ({ result: { stdout: '{{ from }}' } }),
    })
    expect(trace.args[1]).toEqual({ v: '{{ from }}' })
  })

  it('skips on false, fails on an undefined name, and goes on after ignored errors', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          { name: 'no', when: ['1 == 2', 'nowhere'] },
          { name: 'odd', when: ['nowhere'], ignoreErrors: true, register: 'r' },
          { name: 'last', args: { failed: '{{ r.failed }}' } },
        ],
      ],
    })
    expect(trace.args).toEqual([{ failed: true }])
    expect(trace.recap).toEqual({ a: { ok: 2, changed: 1, skipped: 1, ignored: 1 } })
  })

  it('lets failed_when and changed_when see the result', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          { name: 'rc3', register: 'r', failedWhen: ['r.rc > 3'], changedWhen: [false] },
          { name: 'rc3 again', register: 'r', failedWhen: ['r.rc == 3'] },
        ],
      ],
      answer: () => ({
        status: 'failed',
        result: { rc: 3 },
        failure: { code: 'command.failed', message: 'x' },
      }),
    })
    expect(trace.recap).toEqual({ a: { ok: 1, failed: 1 } })
  })
})

describe('loops', () => {
  it('runs items in order, judges when for each, and fails at the end', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          { name: 'l', loop: [1, 2, 3], when: ['item != 2'], register: 'r', ignoreErrors: true },
          {
            name: 'use',
            args: { n: '{{ size(r.results) }}', skipped: '{{ r.results[1].skipped }}' },
          },
          { name: 'empty', loop: [], register: 'e' },
        ],
      ],
      answer: (_host, name) => (name === 'l' ? { status: 'failed' } : undefined),
    })
    expect(trace.steps).toEqual(['a l 1', 'a l 3', 'a use'])
    expect(trace.args[2]).toEqual({ n: 3, skipped: true })
    expect(trace.recap).toEqual({ a: { ok: 2, changed: 1, ignored: 1, skipped: 1 } })
  })
})

describe('run_once and cluster steps', () => {
  it('runs on the first host whose when holds and gives the result to all', () => {
    const trace = simulate({
      plays: [
        [
          { name: 'once', runOnce: true, when: ['inventory_hostname != "a"'], register: 'r' },
          { name: 'use', args: { v: '{{ r.v }}' } },
        ],
      ],
      answer: host => ({ result: { v: host } }),
    })
    expect(trace.steps).toEqual(['b once', 'a use', 'b use', 'c use'])
    expect(trace.args.slice(1)).toEqual([{ v: 'b' }, { v: 'b' }, { v: 'b' }])
  })

  it('rescues all hosts when the one failed (ansible#87308 is not followed)', () => {
    const trace = simulate({
      plays: [
        [
          { block: [{ name: 'once', cluster: true }], rescue: [{ name: 'resc' }] },
          { name: 'after' },
        ],
      ],
      answer: failing('a', 'once'),
    })
    expect(trace.steps).toEqual([
      'a once',
      'a resc',
      'b resc',
      'c resc',
      'a after',
      'b after',
      'c after',
    ])
    expect(trace.state.exitCode).toBe(0)
    expect(trace.recap['a']).toEqual({ ok: 2, changed: 2, rescued: 1 })
  })

  it('counts a cluster failure on the host to blame', () => {
    const trace = simulate({
      plays: [[{ name: 'all', cluster: true }]],
      answer: () => ({ status: 'unreachable', blame: 'c' }),
    })
    expect(trace.recap).toEqual({ c: { unreachable: 1 } })
  })
})

describe('refusals', () => {
  it('end with 8, whatever else failed', () => {
    const trace = simulate({
      plays: [[{ name: 't1', cluster: true }]],
      answer: () => ({
        status: 'failed',
        failure: { code: 'cluster.hosts_missing', message: 'b is missing' },
      }),
    })
    expect(trace.state.exitCode).toBe(8)
  })
})

describe('blocks', () => {
  const block = {
    block: [{ name: 't1' }, { name: 't2' }],
    rescue: [{ name: 'r', args: { task: '{{ ansible_failed_task.name }}' } }],
    always: [{ name: 'al' }],
  }

  it('rescues what failed and always cleans up', () => {
    const trace = simulate({
      hosts: ['a', 'b'],
      plays: [[block, { name: 'after' }]],
      answer: failing('b', 't1'),
    })
    expect(trace.steps).toEqual([
      'a t1',
      'b t1',
      'a t2',
      'b r',
      'a al',
      'b al',
      'a after',
      'b after',
    ])
    expect(trace.args[3]).toEqual({ task: 't1' })
    expect(trace.recap['b']).toEqual({ ok: 3, changed: 3, rescued: 1 })
  })

  it('cleans up on unreachable hosts too', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [[{ block: [{ name: 't1' }], always: [{ name: 'al' }] }]],
      answer: failing('a', 't1', 'unreachable'),
    })
    expect(trace.steps).toEqual(['a t1', 'a al'])
    expect(trace.state.exitCode).toBe(4)
  })

  it('lets a failure in rescue reach the outer rescue', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          {
            block: [
              { block: [{ name: 't1' }], rescue: [{ name: 'r1' }], always: [{ name: 'al' }] },
            ],
            rescue: [{ name: 'r2' }],
          },
        ],
      ],
      answer: (_host, name) => (name === 't1' || name === 'r1' ? { status: 'failed' } : undefined),
    })
    expect(trace.steps).toEqual(['a t1', 'a r1', 'a al', 'a r2'])
    expect(trace.recap['a']).toEqual({ ok: 2, changed: 2, rescued: 2 })
    expect(trace.state.exitCode).toBe(0)
  })

  it('carries all hosts into the rescue with any_errors_fatal', () => {
    const trace = simulate({
      plays: [
        [
          {
            block: [{ name: 't1', anyErrorsFatal: true }, { name: 't2' }],
            rescue: [{ name: 'r' }],
          },
        ],
      ],
      answer: failing('b', 't1'),
    })
    expect(trace.steps.slice(3)).toEqual(['a r', 'b r', 'c r'])
    expect(trace.state.exitCode).toBe(0)
  })
})

describe('rollback', () => {
  const restore = {
    block: [
      { name: 'stop', rollback: { name: 'start' } },
      { name: 'swap', rollback: { name: 'unswap' } },
      { name: 'check' },
      { name: 'more' },
    ],
    rescue: [{ name: 'tell' }],
    always: [{ name: 'clean' }],
  }

  it('runs on all hosts, newest first, before rescue and always', () => {
    const trace = simulate({ hosts: ['a', 'b'], plays: [[restore]], answer: failing('b', 'check') })
    expect(trace.steps.slice(4)).toEqual([
      'a check',
      'b check',
      'a unswap',
      'b unswap',
      'a start',
      'b start',
      'a tell',
      'b tell',
      'a clean',
      'b clean',
    ])
    expect(trace.state.exitCode).toBe(0)
  })

  it('is owed by the step that failed half way, not by steps never begun', () => {
    const trace = simulate({ hosts: ['a', 'b'], plays: [[restore]], answer: failing('a', 'swap') })
    expect(trace.steps.slice(4, 8)).toEqual(['a unswap', 'b unswap', 'a start', 'b start'])
    const early = simulate({ hosts: ['a', 'b'], plays: [[restore]], answer: failing('a', 'stop') })
    expect(early.steps).not.toContain('a unswap')
  })

  it('is dropped when the block ends well', () => {
    const trace = simulate({ hosts: ['a'], plays: [[restore]] })
    expect(trace.steps).toEqual(['a stop', 'a swap', 'a check', 'a more', 'a clean'])
    expect(trace.events.filter(event => event.event === 'settled')).toHaveLength(2)
  })

  it('ends with 9 when a rollback fails: something is still owed', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [[restore]],
      answer: (_host, name) =>
        name === 'check' || name === 'unswap' ? { status: 'failed' } : undefined,
    })
    expect(trace.steps).toContain('a start')
    expect(trace.state.exitCode).toBe(9)
  })

  it('runs at the end of a play whose tasks owe it', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [[{ name: 'swap', rollback: { name: 'unswap' } }, { name: 'check' }]],
      answer: failing('a', 'check'),
    })
    expect(trace.steps).toEqual(['a swap', 'a check', 'a unswap'])
    expect(trace.state.exitCode).toBe(2)
  })
})

describe('release', () => {
  const frozen = (name: string) => ({ name: `freeze ${name}`, release: { name: `thaw ${name}` } })

  it('runs when the block ends well, newest first, after always', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          { block: [frozen('1'), frozen('2'), { name: 'copy' }], always: [{ name: 'al' }] },
          { name: 'after' },
        ],
      ],
    })
    expect(trace.steps.slice(2)).toEqual(['a copy', 'a al', 'a thaw 2', 'a thaw 1', 'a after'])
  })

  it('runs when the block fails, after rollbacks, rescue and always', () => {
    const trace = simulate({
      hosts: ['a', 'b'],
      plays: [
        [
          {
            block: [frozen('1'), { name: 'swap', rollback: { name: 'unswap' } }, { name: 'copy' }],
            rescue: [{ name: 'tell' }],
            always: [{ name: 'al' }],
          },
        ],
      ],
      answer: failing('b', 'copy'),
    })
    expect(trace.steps.filter(step => step.startsWith('b')).slice(2)).toEqual([
      'b copy',
      'b unswap',
      'b tell',
      'b al',
      'b thaw 1',
    ])
  })

  it('is owed by a step that failed half way, and tried three times only where it fails', () => {
    const trace = simulate({
      hosts: ['a', 'b'],
      plays: [[frozen('1')]],
      answer: host => (host === 'b' ? { status: 'unreachable' } : undefined),
    })
    expect(trace.steps.slice(2)).toEqual(['a thaw 1', 'b thaw 1', 'b thaw 1', 'b thaw 1'])
    expect(trace.state.exitCode).toBe(9)
    expect(trace.state.unsettled).toMatchObject([{ kind: 'release', hosts: ['b'] }])
  })

  it('runs even after a second signal, which drops rollbacks and always', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          {
            block: [
              { name: 'freeze', release: { name: 'thaw' }, rollback: { name: 'undo' } },
              { name: 'copy' },
            ],
            always: [{ name: 'al' }],
          },
        ],
      ],
      cancelAt: 2,
      cancelLevel: 2,
    })
    expect(trace.steps).toEqual(['a freeze', 'a copy', 'a thaw'])
    expect(trace.state.exitCode).toBe(9)
  })
})

describe('confirmation', () => {
  const plays = [
    [
      { name: 'look' },
      { name: 'swap', confirm: { question: 'Replace {{ from }}?', type: 'graph' } },
      { name: 'after' },
    ],
  ]

  it('asks before the step and goes on when granted', () => {
    const trace = simulate({ hosts: ['a'], plays })
    expect(trace.steps).toEqual(['a look', 'a swap', 'a after'])
    expect(trace.events).toContainEqual({
      event: 'confirm.asked',
      step: '/0/tasks/1',
      question: 'Replace inventory-a?',
      word: 'graph',
    })
  })

  it('ends the run with 8 when denied', () => {
    const trace = simulate({ hosts: ['a'], plays, confirm: false })
    expect(trace.steps).toEqual(['a look'])
    expect(trace.state.exitCode).toBe(8)
  })

  it('does not ask for a step that every host skips', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [[{ name: 'swap', when: ['false'], confirm: { question: '?' } }]],
      confirm: false,
    })
    expect(trace.state.exitCode).toBe(0)
  })
})

describe('planning', () => {
  it('asks for a step whose when is unknown, and registers an unknown result', () => {
    const trace = simulate({
      hosts: ['a'],
      mode: 'plan',
      plays: [
        [
          { name: 'ask', register: 'r' },
          { name: 'maybe', when: ['r.size > 3'] },
          { name: 'never', when: ['r.size > 3', 'false'] },
        ],
      ],
      answer: (_host, name) =>
        name === 'ask' ? { certainty: 'maybe', result: { size: new Unknown('size') } } : undefined,
    })
    expect(trace.steps).toEqual(['a ask', 'a maybe'])
  })
})

describe('cancellation', () => {
  it('starts nothing new, rolls back, cleans up, and exits 130', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          {
            block: [{ name: 't1', rollback: { name: 'undo' } }, { name: 't2' }],
            rescue: [{ name: 'r' }],
            always: [{ name: 'al' }],
          },
          { name: 'after' },
        ],
      ],
      cancelAt: 1,
    })
    expect(trace.steps).toEqual(['a t1', 'a undo', 'a al'])
    expect(trace.state.exitCode).toBe(130)
  })
})

describe('found by the simulator', () => {
  it('settles what is owed after a denied confirmation', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [
          {
            block: [
              { name: 'freeze', release: { name: 'thaw' }, rollback: { name: 'undo' } },
              { name: 'swap', confirm: { question: '?' } },
            ],
            always: [{ name: 'al' }],
          },
        ],
      ],
      confirm: false,
    })
    expect(trace.steps).toEqual(['a freeze', 'a undo', 'a al', 'a thaw'])
  })

  it('releases each host with its own loop item', () => {
    const trace = simulate({
      hosts: ['a', 'b'],
      plays: [
        [
          {
            name: 'freeze',
            loop: ['{{ from }}'],
            release: { name: 'thaw', args: { d: '{{ item }}' } },
          },
        ],
      ],
    })
    expect(trace.args.slice(2)).toEqual([{ d: 'inventory-b' }, { d: 'inventory-a' }])
  })

  it('runs a block inside of always when the run is cancelled', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [[{ block: [{ name: 't1' }], always: [{ block: [{ name: 'al' }] }] }]],
      cancelAt: 1,
    })
    expect(trace.steps).toEqual(['a t1', 'a al'])
  })

  it('drops a rollback owed by a rescue, and says so', () => {
    const trace = simulate({
      hosts: ['a'],
      plays: [
        [{ block: [{ name: 't1' }], rescue: [{ name: 'swap', rollback: { name: 'unswap' } }] }],
      ],
      answer: failing('a', 't1'),
    })
    expect(trace.events).toContainEqual(
      expect.objectContaining({ event: 'settled', outcome: 'dropped' }),
    )
  })

  it('tells on which hosts a release ran when it failed on others', () => {
    const trace = simulate({
      hosts: ['a', 'b'],
      plays: [[{ name: 'freeze', release: { name: 'thaw' } }]],
      answer: failing('b', 'thaw'),
    })
    const told = trace.events.flatMap(event =>
      event.event === 'settled' ? [`${event.outcome} ${event.hosts?.join(',')}`] : [],
    )
    expect(told).toEqual(['ran a', 'failed b'])
  })
})

describe('settling', () => {
  it('ends well when a release works the second time', () => {
    let tries = 0
    const trace = simulate({
      hosts: ['a'],
      plays: [[{ name: 'freeze', release: { name: 'thaw' } }]],
      answer: (_host, name) => {
        if (name === 'thaw') tries += 1
        return name === 'thaw' && tries === 1 ? { status: 'failed' } : undefined
      },
    })
    expect(trace.steps).toEqual(['a freeze', 'a thaw', 'a thaw'])
    expect(trace.state.exitCode).toBe(0)
  })
})

describe('purity', () => {
  it('leaves the state it was given as it was, and folds the same inputs to the same state', () => {
    const scenario = {
      plays: [
        [
          { name: 'l', loop: [1, 2], register: 'r' },
          {
            block: [{ name: 't', rollback: { name: 'u' } }, { name: 'f' }],
            rescue: [{ name: 'x' }],
          },
        ],
      ],
      answer: failing('b', 'f'),
    }
    const { inputs, state: end } = simulate(scenario)
    const program = programOf(scenario)
    let state = initialState()
    for (const input of inputs) {
      const before = structuredClone(state)
      const next = advance(program, state, input).state
      expect(state).toEqual(before)
      state = next
    }
    expect(state).toEqual(end)
  })
})
