import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { advance } from '../../src/engine/advance.ts'
import type { Input, Outcome, Request } from '../../src/engine/protocol.ts'
import { initialState, type State } from '../../src/engine/state.ts'
import type { EngineEvent, RunEvent } from '../../src/events/events.ts'
import type { Performer, PerformRequest } from '../../src/execute/driver.ts'
import { inheritanceOf, owedOf } from '../../src/execute/owed.ts'
import { createReplayer } from '../../src/execute/replay.ts'
import { recordingOf } from '../../src/execute/run.ts'
import { programOf, type Scenario, type StepText } from '../engine/simulate.ts'

/** Thrown where the controller dies. */
class Death extends Error {}

/** What a run did on its hosts, and what its journal holds. */
interface Attempt {
  readonly performed: string[]
  readonly journal: RunEvent[]
  readonly state: State
  readonly died: boolean
}

/** Runs a scenario to its end, or until its journal has as many events as it may; then it is dead. */
async function attempt(
  scenario: Scenario,
  journal: RunEvent[],
  options: { readonly dieAfter?: number; readonly how?: 'resume' | 'abort' },
): Promise<Attempt> {
  const program = programOf(scenario)
  const performed: string[] = []
  const inherited = inheritanceOf(program, journal.slice())
  const queue: Input[] = [{ kind: 'start', ...(options.how === undefined ? {} : { inherited }) }]
  const tell = (event: EngineEvent): void => {
    if (event.event === 'step.finished' && event.replayed) return
    journal.push(event as RunEvent)
    if (journal.length === options.dieAfter) throw new Death()
  }
  const applier: Performer = {
    confirm: async () => true,
    perform: async (request: PerformRequest, _io, say): Promise<Outcome> => {
      say({ event: 'step.started', ...request.ref })
      const { host, name } = request.ref
      performed.push(`${host} ${name}`)
      return { status: 'changed', result: {}, ...scenario.answer?.(host, name, request.args) }
    },
  }
  const performer =
    options.how === undefined
      ? applier
      : createReplayer({
          recording: recordingOf(program, journal.slice(), options.how),
          performer: applier,
          recover: async () => undefined,
          how: options.how,
          cancel: () => queue.push({ kind: 'cancel', level: 1 }),
        })
  if (options.how !== undefined) tell({ event: 'run.resumed', how: options.how })
  let state = initialState()
  const answer = async (request: Request): Promise<Input> =>
    request.kind === 'confirm'
      ? {
          kind: 'confirmed',
          id: request.id,
          granted: await performer.confirm(request, quietIo.signal),
        }
      : {
          kind: 'performed',
          id: request.id,
          outcome: await performer.perform(request, quietIo, tell),
        }
  try {
    for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
      const next = advance(program, state, input)
      state = next.state
      for (const event of next.events) tell(event)
      for (const request of next.requests) queue.push(await answer(request))
    }
    return { performed, journal, state, died: false }
  } catch (thrown) {
    if (!(thrown instanceof Death)) throw thrown
    return { performed, journal, state, died: true }
  }
}

const hosts = ['a', 'b', 'c', 'd', 'e']
const plays: readonly (readonly StepText[])[] = [
  [
    { name: 'before', register: 'r' },
    {
      block: [
        { name: 'freeze', release: { name: 'thaw' }, register: 'frozen' },
        { name: 'each', loop: [1, 2] },
        { name: 'swap', rollback: { name: 'unswap' }, when: ['!frozen.failed'] },
        { block: [{ name: 'inner', cluster: true }], always: [{ name: 'tidy inner' }] },
      ],
      rescue: [{ name: 'tell' }],
      always: [{ name: 'tidy' }],
    },
    { name: 'after', args: { r: '{{ r.changed }}' } },
  ],
]
const scenario: Scenario = { hosts, plays }
const main = ['before', 'freeze', 'each', 'swap', 'inner', 'after']

/** Names of what was performed on a host, without repetition. */
function namesOn(host: string, performed: readonly string[]): ReadonlySet<string> {
  return new Set(performed.filter(step => step.startsWith(`${host} `)).map(step => step.slice(2)))
}

async function killed(at: number): Promise<Attempt | undefined> {
  const run = await attempt(scenario, [], { dieAfter: at })
  return run.died ? run : undefined
}

describe('a run that is killed at every journal event', () => {
  it('ends what it began when it is resumed, and does nothing twice that was journaled', async () => {
    let kills = 0
    for (let at = 1; ; at += 1) {
      const first = await killed(at)
      if (first === undefined) break
      kills += 1
      const finishedBefore = first.journal.flatMap(event =>
        event.event === 'step.finished' && event.status === 'changed'
          ? [`${event.host} ${event.name}${event.item?.index ?? ''}`]
          : [],
      )
      const thawed = first.journal.some(
        event => event.event === 'step.started' && event.settles !== undefined,
      )
      const second = await attempt(scenario, [...first.journal], { how: 'resume' })
      expect(second.state.exitCode, `killed at ${at}`).toBe(0)
      const everything = [...first.performed, ...second.performed]
      for (const host of hosts) {
        const expected = host === 'a' ? main : main.filter(name => name !== 'inner')
        expect([...namesOn(host, everything)], `killed at ${at}`).toEqual(
          expect.arrayContaining([...expected, 'tidy', 'thaw']),
        )
      }
      if (!thawed) {
        const again = second.journal
          .slice(first.journal.length)
          .flatMap(event =>
            event.event === 'step.started'
              ? [`${event.host} ${event.name}${event.item?.index ?? ''}`]
              : [],
          )
          .filter(step => finishedBefore.includes(step))
        expect(again, `killed at ${at}`).toEqual([])
      }
      expect(owedOf(second.journal), `killed at ${at}`).toEqual([])
    }
    expect(kills).toBeGreaterThan(80)
  })

  it('settles what it owes when it is aborted, and begins nothing new', async () => {
    for (let at = 1; ; at += 1) {
      const first = await killed(at)
      if (first === undefined) break
      const owed = owedOf(first.journal)
      const begun = new Set(
        first.journal.flatMap(event =>
          event.event === 'step.started' ? [`${event.host} ${event.step}`] : [],
        ),
      )
      const second = await attempt(scenario, [...first.journal], { how: 'abort' })
      // Where the main part had ended well, there is nothing to roll back any more.
      const tidied = first.journal.filter(
        event => event.event === 'step.finished' && event.name === 'tidy inner',
      )
      const mainEnded = tidied.length === hosts.length
      for (const { kind, step, hosts: owing } of owed) {
        if (kind === 'rollback' && mainEnded) continue
        const name = kind === 'release' ? 'thaw' : 'unswap'
        for (const host of owing.filter(each => begun.has(`${each} ${step}`))) {
          const journaled = first.journal.some(
            event => event.event === 'step.finished' && event.host === host && event.name === name,
          )
          if (journaled) continue
          expect(second.performed, `killed at ${at}`).toContain(`${host} ${name}`)
        }
      }
      const news = second.performed.filter(step => main.includes(step.slice(2)))
      expect(news, `killed at ${at}`).toEqual([])
      expect(owedOf(second.journal), `killed at ${at}`).toEqual([])
    }
  })

  it('can be killed again while it is resumed', async () => {
    for (let at = 10; at < 90; at += 7) {
      const first = await killed(at)
      if (first === undefined) break
      const second = await attempt(scenario, [...first.journal], {
        how: 'resume',
        dieAfter: first.journal.length + 12,
      })
      const third = await attempt(scenario, [...second.journal], { how: 'resume' })
      expect(third.state.exitCode, `killed at ${at}`).toBe(0)
      expect(owedOf(third.journal), `killed at ${at}`).toEqual([])
    }
  })
})

describe('a run that failed', () => {
  it('runs what failed and what follows when it is resumed', async () => {
    const broken: Scenario = {
      hosts: ['a', 'b'],
      plays: [[{ name: 't1' }, { name: 't2' }, { name: 't3' }]],
      answer: (host, name) => (host === 'b' && name === 't2' ? { status: 'failed' } : undefined),
    }
    const first = await attempt(broken, [], {})
    expect(first.state.exitCode).toBe(2)
    const mended: Scenario = { hosts: ['a', 'b'], plays: broken.plays }
    const second = await attempt(mended, [...first.journal], { how: 'resume' })
    expect(second.performed).toEqual(['b t2', 'b t3'])
    expect(second.state.exitCode).toBe(0)
  })

  it('asks a released step again, and what used its result', async () => {
    const snapshot: Scenario = {
      hosts: ['a'],
      plays: [
        [
          {
            block: [
              { name: 'snapshot', register: 'snap', release: { name: 'drop' } },
              { name: 'free of it' },
              { name: 'copy', args: { of: '{{ snap.id }}' } },
              { name: 'commit' },
            ],
          },
        ],
      ],
      answer: (_host, name) =>
        name === 'commit' ? { status: 'failed' } : { result: { id: 'one' } },
    }
    const first = await attempt(snapshot, [], {})
    expect(first.performed).toEqual(['a snapshot', 'a free of it', 'a copy', 'a commit', 'a drop'])
    const mended: Scenario = { ...snapshot, answer: () => ({ result: { id: 'two' } }) }
    const second = await attempt(mended, [...first.journal], { how: 'resume' })
    expect(second.performed).toEqual(['a snapshot', 'a copy', 'a commit', 'a drop'])
  })

  it('settles what an earlier attempt owes on a way that this one does not go', async () => {
    const detour: Scenario = {
      hosts: ['a'],
      plays: [
        [
          {
            block: [{ name: 't1' }],
            rescue: [
              {
                name: 'freeze',
                register: 'f',
                release: { name: 'thaw', args: { id: '{{ f.id }}' } },
              },
              { name: 'long' },
            ],
          },
          { name: 'after' },
        ],
      ],
      answer: (_host, name) => (name === 't1' ? { status: 'failed' } : { result: { id: 'one' } }),
    }
    const whole = await attempt(detour, [], {})
    const cut = whole.journal.findIndex(
      event => event.event === 'step.started' && event.name === 'long',
    )
    const first = await attempt(detour, [], { dieAfter: cut + 1 })
    const mended: Scenario = { ...detour, answer: () => undefined }
    const second = await attempt(mended, [...first.journal], { how: 'resume' })
    expect(second.performed).toEqual(['a t1', 'a after', 'a thaw'])
    expect(owedOf(second.journal)).toEqual([])
    expect(second.state.exitCode).toBe(0)
  })

  it('leaves a block alone that ended well with its releases', async () => {
    const two: Scenario = {
      hosts: ['a'],
      plays: [
        [
          {
            block: [
              { name: 'snapshot', register: 's', release: { name: 'drop' } },
              { name: 'copy' },
            ],
          },
          { name: 'vacuum' },
        ],
      ],
      answer: (_host, name) => (name === 'vacuum' ? { status: 'failed' } : undefined),
    }
    const first = await attempt(two, [], {})
    const second = await attempt({ ...two, answer: () => undefined }, [...first.journal], {
      how: 'resume',
    })
    expect(second.performed).toEqual(['a vacuum'])
  })
})

describe('a step that could not begin again', () => {
  const notBegun: Outcome = { status: 'unreachable', result: {}, notBegun: true }
  const request = {
    kind: 'perform',
    id: 1,
    ref: { step: '/0/tasks/0', name: 'freeze', module: 'shell', host: 'a' },
    scope: 'host',
    args: {},
    mayBeSkipped: false,
    noLog: false,
    owes: true,
  } as const
  const replaying = (events: readonly EngineEvent[]): Performer => {
    const program = programOf({
      hosts: ['a'],
      plays: [[{ name: 'freeze', release: { name: 'thaw' } }]],
    })
    return createReplayer({
      recording: recordingOf(program, events as readonly RunEvent[], 'resume'),
      performer: { confirm: async () => true, perform: async () => notBegun },
      recover: async () => undefined,
      how: 'resume',
      cancel: () => {},
    })
  }
  const perform = (events: readonly EngineEvent[]): Promise<Outcome> =>
    replaying(events).perform(request, quietIo, () => {})

  it('owes nothing where no earlier attempt began it', async () => {
    expect(await perform([])).toEqual(notBegun)
  })

  it('still owes what an earlier attempt began', async () => {
    const owed: EngineEvent = { event: 'owed', kind: 'release', ...request.ref }
    const started: EngineEvent = { event: 'step.started', ...request.ref }
    expect(await perform([owed, started])).toEqual({ status: 'unreachable', result: {} })
    const finished: EngineEvent = { event: 'step.finished', ...request.ref, status: 'failed' }
    expect(await perform([owed, started, finished])).toEqual({ status: 'unreachable', result: {} })
  })
})
