import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { EngineEvent } from '../../src/events/events.ts'
import { createApplier } from '../../src/execute/apply.ts'
import type { Performer, PerformRequest } from '../../src/execute/driver.ts'
import { createOverlay } from '../../src/execute/overlay.ts'
import { createPlanner } from '../../src/execute/plan.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { createWorld, type World } from './world.ts'

let nextId = 1
function request(
  module: string,
  args: unknown,
  more: Partial<PerformRequest> & { readonly host?: string } = {},
): PerformRequest {
  const { host = 'a', ...rest } = more
  const cluster = ['everywhere', 'agree'].includes(module)
  return {
    kind: 'perform',
    id: nextId++,
    ref: {
      step: '/0/tasks/0',
      name: module,
      module,
      host,
      ...(cluster ? { hosts: ['a', 'b'] } : {}),
    },
    scope: cluster ? 'cluster' : 'host',
    args,
    mayBeSkipped: false,
    noLog: false,
    ...rest,
  }
}

function planning(world: World) {
  const events: EngineEvent[] = []
  const planner = createPlanner(world.environment)
  return {
    events,
    perform: (step: PerformRequest) => planner.perform(step, quietIo, event => events.push(event)),
  }
}

const start = { name: 'db', state: 'started' }

describe('planning', () => {
  it('predicts a change and lets later steps see it', async () => {
    const world = createWorld({})
    const { perform, events } = planning(world)
    expect(await perform(request('unit', start))).toMatchObject({
      status: 'changed',
      certainty: 'sure',
      result: { pid: expect.any(Unknown) },
    })
    expect(await perform(request('unit', start))).toEqual({ status: 'ok', result: { pid: 7 } })
    expect(await perform(request('look', { name: 'db' }))).toMatchObject({
      result: { active: true },
    })
    expect(events).toHaveLength(1)
    expect(world.ran).toEqual([])
  })

  it('keeps hosts apart', async () => {
    const { perform } = planning(createWorld({}))
    await perform(request('unit', start))
    expect(await perform(request('unit', start, { host: 'b' }))).toMatchObject({
      status: 'changed',
    })
  })

  it('holds later steps on a host for uncertain once an opaque command stands in the plan', async () => {
    const world = createWorld({ active: { 'a db': true, 'b db': true } })
    const { perform, events } = planning(world)
    expect(await perform(request('opaque', {}))).toMatchObject({ certainty: 'maybe' })
    expect(await perform(request('unit', start))).toMatchObject({
      status: 'changed',
      certainty: 'maybe',
    })
    expect(await perform(request('unit', start, { host: 'b' }))).toMatchObject({ status: 'ok' })
    expect(await perform(request('look', { name: 'db' }))).toMatchObject({
      status: 'ok',
      certainty: 'maybe',
      result: { active: expect.any(Unknown) },
    })
    expect(events.map(event => event.event)).toEqual(['step.planned', 'step.planned'])
  })

  it('announces steps whose arguments are known only after apply, without looking', async () => {
    const world = createWorld({})
    const { perform, events } = planning(world)
    const outcome = await perform(request('unit', { name: new Unknown('x'), state: 'started' }))
    expect(outcome).toMatchObject({ status: 'changed', certainty: 'unknown' })
    expect(world.asked).toEqual([])
    expect(events).toMatchObject([{ event: 'step.planned', certainty: 'unknown' }])
  })

  it('names every host of a cluster step whose arguments are not known yet', async () => {
    const { perform, events } = planning(createWorld({}))
    await perform(request('everywhere', { cluster: new Unknown('x') }))
    expect(events).toMatchObject([{ changes: [{ host: 'a' }, { host: 'b' }] }])
  })

  it.each(['needs', 'asks_more'])('does not fail over what may yet be mended: %s', async module => {
    const { perform } = planning(createWorld({}))
    const needing = request(module, { name: 'db' })
    await expect(perform(needing)).rejects.toThrow('db is not installed')
    await perform(request('unit', start))
    await expect(perform(request(module, { name: 'other' }))).rejects.toThrow('not installed')
    await expect(perform(request(module, { name: 'db' }, { host: 'b' }))).rejects.toThrow()
    expect(await perform(needing)).toMatchObject({ status: 'changed', certainty: 'unknown' })
  })

  it('plans what changes nothing as ok, its result unknown but for what is known', async () => {
    const { perform, events } = planning(createWorld({}))
    const outcome = await perform(request('wait', {}))
    expect(outcome).toEqual({ status: 'ok', result: { elapsed: expect.any(Unknown), port: 80 } })
    expect(await perform(request('wait', {}, { mayBeSkipped: true }))).toEqual({
      status: 'ok',
      certainty: 'maybe',
      result: { elapsed: expect.any(Unknown), port: expect.any(Unknown) },
    })
    expect(events).toMatchObject([
      { event: 'step.planned', certainty: 'sure', informational: true },
      { event: 'step.planned', certainty: 'maybe', informational: true },
    ])
  })

  it('says "may run" of a step whose when is unknown, and foretells nothing from it', async () => {
    const { perform } = planning(createWorld({}))
    const outcome = await perform(request('unit', start, { mayBeSkipped: true }))
    expect(outcome).toMatchObject({ status: 'changed', certainty: 'maybe' })
    expect(await perform(request('unit', start))).toMatchObject({
      status: 'changed',
      certainty: 'maybe',
    })
  })
})

describe('overlay', () => {
  const nothing = { after: new Map<string, unknown>(), opaque: false }

  it('doubts a resource that was touched, and what lay in a folder that was removed', () => {
    const overlay = createOverlay()
    overlay.record({ host: 'a', resources: ['file:/made'], ...nothing })
    overlay.record({ host: 'a', resources: ['file:/gone'], removes: true, ...nothing })
    expect(overlay.isUncertain('a', { resources: ['file:/made'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['file:/made'], asked: false })).toBe(false)
    expect(overlay.isUncertain('a', { resources: ['file:/made/x'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['file:/gone/x'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['tree:/gone/x'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['file:/gone2'], asked: true })).toBe(false)
    expect(overlay.isUncertain('b', { resources: ['file:/made'], asked: true })).toBe(false)
  })

  it('doubts a tree in which something was touched', () => {
    const overlay = createOverlay()
    overlay.record({ host: 'a', resources: ['file:/srv/data/x'], ...nothing })
    expect(overlay.isUncertain('a', { resources: ['tree:/srv/data'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['tree:/'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['tree:/srv/data/x'], asked: true })).toBe(true)
    expect(overlay.isUncertain('a', { resources: ['tree:/srv/dat'], asked: true })).toBe(false)
    expect(overlay.isUncertain('a', { resources: ['file:/srv/data'], asked: true })).toBe(false)
  })
})

describe('applying', () => {
  function applying(world: World): { performer: Performer; order: string[] } {
    const order: string[] = []
    const performer = createApplier({
      environment: world.environment,
      confirm: async () => true,
      synced: async () => {
        order.push(`synced after ${world.ran.length} commands`)
      },
    })
    return { performer, order }
  }

  it('looks, journals, then runs the planned commands; the second time nothing', async () => {
    const world = createWorld({})
    const { performer, order } = applying(world)
    const events: string[] = []
    const perform = (step: PerformRequest) =>
      performer.perform(step, quietIo, event => events.push(event.event))
    expect(await perform(request('unit', start))).toMatchObject({ status: 'changed' })
    expect(order).toEqual(['synced after 0 commands'])
    expect(events).toEqual(['step.planned', 'step.started'])
    expect(await perform(request('unit', start))).toEqual({ status: 'ok', result: { pid: 7 } })
    expect(world.ran).toEqual(['a: ctl started db'])
  })

  it('does what changes nothing, journals that it began, and ends ok', async () => {
    const { performer, order } = applying(createWorld({}))
    const events: string[] = []
    const outcome = await performer.perform(request('wait', {}), quietIo, event =>
      events.push(event.event),
    )
    expect(outcome).toEqual({ status: 'ok', result: { elapsed: 3, port: 80 } })
    expect([events, order]).toEqual([['step.started'], ['synced after 0 commands']])
  })

  it.each(['decide', 'agree'])(
    'asks the module whether it changed anything where only its result tells (%s)',
    async module => {
      const { performer } = applying(createWorld({}))
      const decide = (changes: boolean) =>
        performer.perform(request(module, { changes }), quietIo, () => {})
      expect(await decide(false)).toEqual({ status: 'ok', result: { did: false } })
      expect(await decide(true)).toEqual({ status: 'changed', result: { did: true } })
    },
  )

  it('refuses a cluster step when hosts of the cluster are missing, unless they are excused', async () => {
    const world = createWorld({ hosts: ['a', 'b', 'c'] })
    const { performer } = applying(world)
    const step = request('everywhere', { cluster: 'graph' })
    expect(await performer.perform(step, quietIo, () => {})).toMatchObject({
      status: 'failed',
      notBegun: true,
      failure: {
        code: 'cluster.hosts_missing',
        message: 'cluster "graph" is not whole: c is missing',
      },
    })
    const excused = request('everywhere', { cluster: 'graph', allow_missing: ['c'] })
    expect(await performer.perform(excused, quietIo, () => {})).toMatchObject({
      result: { hosts: ['a', 'b'] },
    })
  })

  it('names the nearest cluster when the inventory has none of that name', async () => {
    const { performer } = applying(createWorld({}))
    const step = request('everywhere', { cluster: 'grph' })
    expect(await performer.perform(step, quietIo, () => {})).toMatchObject({
      failure: { hint: 'did you mean "graph"?' },
    })
  })
})
