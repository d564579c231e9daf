import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { EngineEvent } from '../../src/events/events.ts'
import { createApplier } from '../../src/execute/apply.ts'
import { createDryRunner } from '../../src/execute/check-mode.ts'
import type { PerformRequest } from '../../src/execute/driver.ts'
import { mannerOn } from '../../src/execute/manner.ts'
import { createPlanner } from '../../src/execute/plan.ts'
import { createStepTimes } from '../../src/execute/play-time.ts'
import { recoverStep } from '../../src/execute/recover.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { programOf } from '../engine/simulate.ts'
import { createWorld, type World } from './world.ts'

const start = { name: 'db', state: 'started' }

function request(
  module: string,
  args: unknown,
  more: Partial<PerformRequest> = {},
): PerformRequest {
  return {
    kind: 'perform',
    id: 1,
    ref: { step: '/0/tasks/0', name: module, module, host: 'a' },
    scope: 'host',
    args,
    mayBeSkipped: false,
    noLog: false,
    ...more,
  }
}

function applying(world: World) {
  const events: EngineEvent[] = []
  const applier = createApplier({
    environment: world.environment,
    confirm: async () => true,
    synced: async () => {},
  })
  const perform = (step: PerformRequest) =>
    applier.perform(step, quietIo, event => events.push(event))
  return { applier, events, perform }
}

describe('a delegated step', () => {
  const delegated = (more: Partial<PerformRequest> = {}) =>
    request('unit', start, { delegate: 'b', ...more })

  it('is looked at and done on its delegate, as whom that host says, for the host it is of', async () => {
    const world = createWorld({})
    const { perform, events } = applying(world)
    const become = new Map([['b', { user: 'root' }]])
    expect(await perform(delegated({ become }))).toMatchObject({ status: 'changed' })
    expect(world.ran).toEqual(['b: ctl started db'])
    expect(world.asked.map(each => each.split(' ')[0])).toEqual(['b'])
    expect(
      new Set(world.manners.map(([host, manner]) => `${host} ${manner.become?.user}`)),
    ).toEqual(new Set(['b root']))
    expect(events).toMatchObject([
      { event: 'step.planned', host: 'a', changes: [{ host: 'b' }] },
      { event: 'step.started', host: 'a' },
    ])
  })

  it('is foretold for its delegate: later steps there see it, those of its own host do not', async () => {
    const world = createWorld({})
    const planner = createPlanner(world.environment)
    const plan = (step: PerformRequest) => planner.perform(step, quietIo, () => {})
    await plan(delegated())
    const onB = request('unit', start)
    expect(await plan({ ...onB, ref: { ...onB.ref, host: 'b' } })).toMatchObject({ status: 'ok' })
    expect(await plan(request('unit', start))).toMatchObject({ status: 'changed' })
  })

  it('makes its delegate uncertain, not its own host, where nothing can be foretold', async () => {
    const planner = createPlanner(
      createWorld({ active: { 'a db': true, 'b db': true } }).environment,
    )
    const plan = (step: PerformRequest) => planner.perform(step, quietIo, () => {})
    await plan(request('opaque', {}, { delegate: 'b' }))
    expect(await plan(request('unit', start))).toMatchObject({ status: 'ok' })
    expect(await plan(delegated())).toMatchObject({ certainty: 'maybe' })
  })

  it('names both hosts where the delegate cannot be reached', async () => {
    const world = createWorld({ unreachable: ['b'] })
    const { perform } = applying(world)
    expect(await perform(delegated())).toMatchObject({
      status: 'unreachable',
      delegateDown: 'b',
      notBegun: true,
      failure: {
        code: 'ssh.unreachable',
        message: 'b, to which the step of a is delegated, cannot be reached: b is away',
      },
    })
  })

  it('does not need the host it is for', async () => {
    const world = createWorld({ unreachable: ['a'] })
    expect(await applying(world).perform(delegated({ owes: true }))).toMatchObject({
      status: 'changed',
    })
  })

  it('asks its delegate what an interrupted attempt left behind', async () => {
    const world = createWorld({})
    const { library } = world.environment
    const seen: string[] = []
    const environment = {
      ...world.environment,
      library: {
        ...library,
        load: async (name: string) => {
          const loaded = await library.load(name)
          if (loaded.scope !== 'host') return loaded
          const recover = async (host: { readonly name: string }) => {
            seen.push(host.name)
            return { state: 'done' as const, result: {} }
          }
          return { ...loaded, module: { ...loaded.module, recover } }
        },
      },
    }
    const left = { before: {}, intent: undefined }
    expect(await recoverStep(environment, delegated(), left, quietIo)).toMatchObject({
      status: 'changed',
    })
    expect(seen).toEqual(['b'])
  })
})

describe('the variables of a step', () => {
  const environmentOf = (environment: Readonly<Record<string, unknown>>) =>
    mannerOn({ environment }, 'a').environment

  it('are text, as expressions print it; secrets stay secrets', () => {
    const token = new Secret('hidden')
    expect(environmentOf({ A: 'x', B: 3, C: true, D: 2n, E: 1.5, F: token, G: '' })).toEqual({
      A: 'x',
      B: '3',
      C: 'true',
      D: '2',
      E: '1.5',
      F: token,
      G: '',
    })
  })

  it('are left out of a plan that does not know them, which is not sure of the step then', async () => {
    expect(environmentOf({ A: new Unknown('a'), B: 'b' })).toEqual({ B: 'b' })
    const world = createWorld({ active: { 'a db': true } })
    const planner = createPlanner(world.environment)
    const step = request('unit', start, { environment: { A: new Unknown('a') } })
    expect(await planner.perform(step, quietIo, () => {})).toMatchObject({ certainty: 'maybe' })
  })

  it.each([
    [{ '1A': 'x' }, 'command.invalid', '"1A" is no name of an environment variable'],
    [{ 'A B': 'x' }, 'command.invalid', '"A B" is no name of an environment variable'],
    [{ A: null }, 'expression.failed', 'the environment variable A cannot be null'],
    [{ A: [1] }, 'expression.failed', 'the environment variable A cannot be a list or a map'],
    [{ A: 'a\0b' }, 'expression.failed', 'the environment variable A cannot be text with a NUL'],
  ])('are refused as %j', (environment, code, message) => {
    expect(() => environmentOf(environment)).toThrow(expect.objectContaining({ code, message }))
  })

  it('reach probes and commands', async () => {
    const world = createWorld({})
    await applying(world).perform(request('unit', start, { environment: { A: 1 } }))
    expect(world.manners.map(([, { environment }]) => environment)).toEqual([
      { A: '1' },
      { A: '1' },
    ])
  })
})

describe('how a host is reached', () => {
  it('is told to whoever finds its address', () => {
    const reach = { connection: 'local', port: '2222', user: new Secret('me') }
    expect(mannerOn({ reach }, 'a')).toEqual({
      reach: { transport: 'local', port: 2222, user: 'me' },
    })
    expect(mannerOn({ reach: { connection: 'smart' } }, 'a')).toEqual({
      reach: { transport: 'ssh' },
    })
  })

  it.each([
    [{ connection: 'winrm' }, 'connection cannot be "winrm"'],
    [{ port: 0 }, 'port cannot be "0"'],
    [{ user: 'a b' }, 'remote_user cannot be "a b"'],
    [{ user: ['a'] }, 'remote_user must be text'],
  ])('is refused as %j', (reach, message) => {
    expect(() => mannerOn({ reach }, 'a')).toThrow(expect.objectContaining({ message }))
  })

  it('may be unknown in a plan: the step is not foreseen then', async () => {
    const world = createWorld({})
    const planner = createPlanner(world.environment)
    const step = request('unit', start, { reach: { user: new Unknown('u') } })
    expect(await planner.perform(step, quietIo, () => {})).toMatchObject({ certainty: 'unknown' })
    expect(world.asked).toEqual([])
  })
})

describe('check_mode', () => {
  it('true only predicts, from how things are, and owes nothing', async () => {
    const world = createWorld({})
    const { perform } = applying(world)
    const step = request('unit', start, { checkMode: true })
    for (const _ of [1, 2]) {
      expect(await perform(step)).toEqual({ status: 'changed', result: {}, notBegun: true })
    }
    expect(world.ran).toEqual([])
    await perform(request('unit', start))
    expect(await perform(step)).toEqual({ status: 'ok', result: { pid: 7 }, notBegun: true })
  })

  it('false is done in a dry run, unless it hangs on what is only foretold', async () => {
    const world = createWorld({})
    const planner = createPlanner(world.environment)
    const dry = createDryRunner(planner, applying(world).applier)
    const perform = (step: PerformRequest) => dry.perform(step, quietIo, () => {})
    expect(await perform(request('unit', start, { checkMode: false }))).not.toHaveProperty(
      'certainty',
    )
    expect(world.ran).toEqual(['a: ctl started db'])
    const unknown = { ...start, name: new Unknown('name') }
    expect(await perform(request('unit', unknown, { checkMode: false }))).toMatchObject({
      certainty: 'unknown',
    })
    await perform(request('opaque', {}))
    expect(world.ran).toEqual(['a: ctl started db'])
  })

  it('false is only foretold in a plan', async () => {
    const world = createWorld({})
    const planner = createPlanner(world.environment)
    const step = request('unit', start, { checkMode: false })
    expect(await planner.perform(step, quietIo, () => {})).toMatchObject({ certainty: 'sure' })
    expect(world.ran).toEqual([])
  })
})

describe('a step with async', () => {
  const job = (poll: number, more: Partial<PerformRequest> = {}, args: object = {}) =>
    request('job', args, { async: { seconds: 30, poll }, ...more })
  const started = {
    started: true,
    finished: false,
    ansible_job_id: 'j1',
    results_file: '/j1/end',
  }

  it('is left running on the host that it works on where nobody polls', async () => {
    const world = createWorld({})
    const { perform, events } = applying(world)
    const outcome = await perform(job(0, { delegate: 'b' }))
    expect(outcome).toEqual({ status: 'changed', result: started })
    expect(world.ran).toEqual(['b: detach 30 -'])
    expect(events.map(({ event }) => event)).toEqual(['step.planned', 'step.started'])
  })

  it('is a job where nothing is to be done, too', async () => {
    const world = createWorld({})
    const outcome = await applying(world).perform(job(0, {}, { needed: false }))
    expect(outcome).toEqual({ status: 'ok', result: started })
    expect(world.ran).toEqual(['a: detach 30 nothing to do'])
  })

  it('is a job that is over where somebody waits for it', async () => {
    const world = createWorld({})
    const { perform } = applying(world)
    const over = {
      started: true,
      finished: true,
      ansible_job_id: expect.stringMatching(/^j\d+\.\d+$/),
    }
    expect(await perform(job(5))).toEqual({ status: 'changed', result: { ...over, rc: 0 } })
    expect(await perform(job(5, {}, { needed: false }))).toMatchObject({
      status: 'ok',
      result: { ...over, rc: 0 },
    })
    expect(world.ran).toEqual(['a: job'])
  })

  it('is refused where its module cannot be left running', async () => {
    const world = createWorld({})
    const step = request('unit', start, { async: { seconds: 30, poll: 0 } })
    await expect(applying(world).perform(step)).rejects.toMatchObject({
      code: 'step.failed',
      message: 'unit cannot be left running on its host',
    })
    expect(world.ran).toEqual([])
  })

  it('has its seconds where it is waited for, and no others than its own', () => {
    const times = createStepTimes(programOf({ plays: [[{ name: 's' }]] }), {
      monotonicMs: () => 0,
    })
    const limit = (poll: number, timeoutMs?: number) =>
      times.limit(job(poll, timeoutMs === undefined ? {} : { timeoutMs }))?.milliseconds
    expect([limit(5), limit(5, 1000), limit(5, 60_000)]).toEqual([30_000, 1000, 30_000])
    expect([limit(0), limit(0, 1000)]).toEqual([undefined, 1000])
  })
})

describe('reset_connection', () => {
  const step = request('meta', { action: 'reset_connection' })

  it('lets the next step connect anew, and changes nothing', async () => {
    const world = createWorld({})
    const { perform } = applying(world)
    expect(await perform(step)).toEqual({ status: 'ok', result: {} })
    await perform({ ...step, delegate: 'b' })
    expect(world.reset).toEqual(['a', 'b'])
  })

  it('is nothing in a plan', async () => {
    const world = createWorld({})
    const planner = createPlanner(world.environment)
    expect(await planner.perform(step, quietIo, () => {})).toEqual({ status: 'ok', result: {} })
    expect(world.reset).toEqual([])
  })
})
