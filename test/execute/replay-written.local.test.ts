import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { advance } from '../../src/engine/advance.ts'
import type { Program } from '../../src/engine/program.ts'
import type { Input, Outcome } from '../../src/engine/protocol.ts'
import { initialState, type State } from '../../src/engine/state.ts'
import type { EngineEvent, RunEvent } from '../../src/events/events.ts'
import type { Performer, PerformRequest } from '../../src/execute/driver.ts'
import { inheritanceOf, owedOf } from '../../src/execute/owed.ts'
import { createReplayer } from '../../src/execute/replay.ts'
import { recordingOf } from '../../src/execute/run.ts'
import { programFrom, type Written, wordsOf } from '../engine/from-text.ts'

/** Thrown where the controller dies. */
class Death extends Error {}

interface Attempt {
  readonly performed: readonly string[]
  readonly journal: readonly RunEvent[]
  readonly state: State
  readonly died: boolean
}

/** How often each step was tried, over all attempts: a host does not forget. */
type Tries = Map<string, number>

/** Runs a playbook to its end, or until its journal is as long as it may be; then it is dead. */
async function attempt(
  program: Program,
  before: readonly RunEvent[],
  tries: Tries,
  options: { readonly answer?: Written['answer']; readonly dieAfter?: number } = {},
): Promise<Attempt> {
  const journal = [...before]
  const performed: string[] = []
  const isResumed = before.length > 0
  const tell = (event: EngineEvent): void => {
    if (event.event === 'step.finished' && event.replayed) return
    journal.push(event as RunEvent)
    if (journal.length === options.dieAfter) throw new Death()
  }
  const hosts: Performer = {
    confirm: async () => true,
    perform: async (request: PerformRequest, _io, say): Promise<Outcome> => {
      say({ event: 'step.started', ...request.ref })
      const { host, name, item } = request.ref
      const words = wordsOf(host, name, item?.label)
      const count = (tries.get(words) ?? 0) + 1
      tries.set(words, count)
      performed.push(words)
      const step = { host, name, item: item?.label, tries: count, request }
      return { status: 'changed', result: {}, ...options.answer?.(step) }
    },
  }
  const performer = isResumed
    ? createReplayer({
        recording: recordingOf(program, before, 'resume'),
        performer: hosts,
        recover: async () => undefined,
        how: 'resume',
        cancel: () => undefined,
      })
    : hosts
  const inherited = isResumed ? { inherited: inheritanceOf(program, before) } : {}
  const queue: Input[] = [{ kind: 'start', ...inherited }]
  let state = initialState()
  try {
    if (isResumed) tell({ event: 'run.resumed', how: 'resume' })
    for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
      const next = advance(program, state, input)
      state = next.state
      for (const event of next.events) tell(event)
      for (const request of next.requests) {
        if (request.kind === 'confirm') throw new Error('nothing is confirmed here')
        const outcome = await performer.perform(request, quietIo, tell)
        queue.push({ kind: 'performed', id: request.id, outcome })
      }
    }
    return { performed, journal, state, died: false }
  } catch (thrown) {
    if (!(thrown instanceof Death)) throw thrown
    return { performed, journal, state, died: true }
  }
}

/** What ended well, by step, host and item; a step's id says for which item or flush it ran. */
function doneIn(journal: readonly RunEvent[]): readonly string[] {
  return journal.flatMap(event =>
    event.event === 'step.finished' && event.status === 'changed'
      ? [`${event.host} ${event.step} ${event.item?.index ?? ''}`]
      : [],
  )
}

/**
 * Kills a run after each event of its journal and resumes it: both attempts together do what one that
 * is left alone does, in a recap that is the same, and nothing that was journaled twice.
 */
async function killAndResume(written: Written): Promise<number> {
  const program = programFrom(written)
  const { answer } = written
  const options = answer === undefined ? {} : { answer }
  const whole = await attempt(program, [], new Map(), options)
  const wanted = doneIn(whole.journal)
  expect(new Set(wanted).size).toBe(wanted.length)
  for (let at = 1; ; at += 1) {
    const tries: Tries = new Map()
    const first = await attempt(program, [], tries, { ...options, dieAfter: at })
    if (!first.died) return at - 1
    const second = await attempt(program, first.journal, tries, options)
    expect(doneIn(second.journal).toSorted(), `killed at ${at}`).toEqual(wanted.toSorted())
    expect(second.state.exitCode, `killed at ${at}`).toBe(whole.state.exitCode)
    expect(second.state.recap, `killed at ${at}`).toEqual(whole.state.recap)
    expect(owedOf(second.journal), `killed at ${at}`).toEqual([])
  }
}

const failure = { code: 'step.failed', message: 'it failed' }

describe('a run that is killed at every event and resumed', () => {
  it('goes on in the item of an include where it was', async () => {
    const kills = await killAndResume({
      playbook: `
- hosts: all
  tasks:
    - {name: before, shell: x, register: r}
    - {include_tasks: outer.yml, loop: [1, 2], loop_control: {loop_var: o}}
    - {name: "after {{ r.changed }}", shell: x}
`,
      files: {
        'outer.yml':
          "- {name: 'o {{ o }}', shell: x}\n- {include_tasks: inner.yml, loop: [x, y], when: \"inventory_hostname == 'a' || item == 'x'\"}\n",
        'inner.yml': '- {name: "i {{ o }}{{ item }}", shell: x}\n',
      },
      hosts: ['a', 'b'],
    })
    expect(kills).toBeGreaterThan(30)
  })

  it('runs the handlers of each flush once', async () => {
    const kills = await killAndResume({
      playbook: `
- hosts: all
  tasks:
    - {name: t1, shell: x, notify: h1}
    - meta: flush_handlers
    - {name: t2, shell: x, notify: [h1, h2]}
  post_tasks:
    - {name: t3, shell: x, notify: h1}
  handlers:
    - {name: h1, shell: x}
    - {name: h2, shell: x, notify: h3}
    - {name: h3, shell: x}
`,
      hosts: ['a', 'b'],
    })
    expect(kills).toBeGreaterThan(30)
  })

  it('goes on in the batch where it was', async () => {
    const kills = await killAndResume({
      playbook: `
- hosts: all
  serial: [1, 2]
  tasks:
    - {name: t1, shell: x, notify: h}
    - {name: once, shell: x, run_once: true, register: o}
    - {name: "t2 {{ o.changed }}", shell: x}
  handlers:
    - {name: h, shell: x}
- hosts: all
  tasks:
    - {name: later, shell: x}
`,
      hosts: ['a', 'b', 'c', 'd'],
    })
    expect(kills).toBeGreaterThan(30)
  })

  it('tries again as often as is left, and does not repeat what came true', async () => {
    const kills = await killAndResume({
      playbook: `
- hosts: all
  tasks:
    - {name: wait, shell: x, register: r, until: r.ready, retries: 60, delay: 0}
    - {name: each, shell: x, loop: [1, 2], retries: 60, delay: 0}
    - {name: "after {{ r.ready }}", shell: x}
`,
      hosts: ['a', 'b'],
      answer: ({ name, item, tries }) => {
        if (name === 'wait') return { result: { ready: tries >= 3 } }
        if (name === 'each' && item === '2' && tries < 2) return { status: 'failed', failure }
        return undefined
      },
    })
    expect(kills).toBeGreaterThan(20)
  })

  it('goes on in each lane of a free play', async () => {
    const kills = await killAndResume({
      playbook: `
- hosts: all
  strategy: free
  tasks:
    - {name: t1, shell: x, notify: h}
    - {include_tasks: inc.yml, loop: [1, 2]}
    - block:
        - {name: t2, shell: x}
      always:
        - {name: tidy, shell: x}
  handlers:
    - {name: h, shell: x}
`,
      files: { 'inc.yml': '- {name: "i {{ item }}", shell: x}\n' },
      hosts: ['a', 'b'],
    })
    expect(kills).toBeGreaterThan(30)
  })
})
