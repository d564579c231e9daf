import { describe, expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { addressText, type MetaClient } from '../../../src/databases/nebula/contract.ts'
import { addHosts } from '../../../src/modules/nebula/add-hosts.ts'
import { errorOf } from '../../connection/support.ts'
import { fakeHost, files } from '../../databases/nebula/fake-host.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { confs, fakeMeta, nebulaSite, patientClock, row, wholeCluster } from './scene.ts'

const hosts = [
  fakeHost('m1', files(confs.m1)),
  fakeHost('s1', files(confs.s1)),
  fakeHost('s2', files(confs.s2)),
]
const args = { cluster: 'graph', timeout: '60s' }
const both = ['10.0.0.2:9779', '10.0.0.3:9779']

/** Metads in which these are registered; `more` replaces calls. */
function metads(known: readonly string[], more: Partial<MetaClient> = {}) {
  const registered = new Set(known)
  const asked: string[] = []
  const meta = fakeMeta(wholeCluster, {
    // One that was never there is listed as offline.
    listHosts: async () =>
      [...registered].map(each => row(each, { role: 'storage', status: 'offline' })),
    addHost: async address => {
      const name = addressText(address)
      asked.push(name)
      if (registered.has(name)) return 'known'
      registered.add(name)
      return 'added'
    },
    ...more,
  })
  return { asked, meta }
}

/** Whether a run counts it as a change. */
const changed = (registered: string[]) =>
  addHosts.changed?.({ args, facts: { storageds: [] }, result: { storageds: both, registered } })

const unreachable = new BkpError('nebula.unreachable', 'connection refused')

describe('nebula.add_hosts', () => {
  test('registers those that the metads do not list, and has nothing to do afterwards', async () => {
    const { asked, meta } = metads(['10.0.0.2:9779', '10.0.0.9:9779'])
    const site = nebulaSite({ hosts, meta })
    expect(await planAt(site, addHosts, args)).toMatchObject({
      kind: 'change',
      certainty: 'maybe',
      changes: [{ action: 'call', target: 'addHosts 10.0.0.3:9779', host: 's2' }],
    })
    expect(asked).toEqual([])
    expect(await applyAt(site, addHosts, args)).toEqual({
      storageds: both,
      registered: ['10.0.0.3:9779'],
    })
    expect(await planAt(site, addHosts, args)).toMatchObject({
      kind: 'unchanged',
      result: { storageds: both, registered: [] },
    })
    expect(asked).toEqual(['10.0.0.3:9779'])
  })

  test('shows in a plan what it does if an earlier step takes the tables away', async () => {
    const { meta } = metads(both)
    expect(await planAt(nebulaSite({ hosts, meta }), addHosts, args)).toMatchObject({
      kind: 'unchanged',
      otherwise: [{ action: 'call', target: 'ADD HOSTS of graph' }],
    })
    const touched = addHosts.resources(args)
    expect(touched).toEqual(['nebula:graph', 'service:nebula/graph'])
  })

  test('has nothing to do before 3.0, and no plan says otherwise', async () => {
    const { asked, meta } = metads([], { version: async () => ({ generation: '2.1' }) })
    const decision = await planAt(nebulaSite({ hosts, meta }), addHosts, args)
    expect(decision).toEqual({
      kind: 'unchanged',
      result: { storageds: both, registered: [] },
      message: 'before 3.0 metads take any storaged',
    })
    expect(asked).toEqual([])
  })

  test('has changed nothing where a metad that lists none knows them all', async () => {
    const { asked, meta } = metads(both, { listHosts: async () => [] })
    const result = await applyAt(nebulaSite({ hosts, meta }), addHosts, args)
    expect(result).toEqual({ storageds: both, registered: [] })
    expect(asked).toEqual(both)
    expect([changed(result.registered), changed(['10.0.0.3:9779'])]).toEqual([false, true])
  })

  test('waits for metads that have only just started: they do not answer, then elect', async () => {
    let looks = 0
    const { meta } = metads(['10.0.0.2:9779'], {
      version: async () => {
        throw unreachable
      },
    })
    const starting: MetaClient = {
      ...meta,
      addHost: async (address, io) => {
        looks += 1
        if (looks < 3) throw unreachable
        if (looks < 6) throw new BkpError('nebula.no_leader', 'the metads have no leader')
        return await meta.addHost(address, io)
      },
    }
    const site = nebulaSite({ hosts, meta: starting })
    expect(await planAt(site, addHosts, args)).toMatchObject({
      kind: 'change',
      certainty: 'maybe',
      changes: [{ target: 'ADD HOSTS of graph' }],
    })
    const { registered } = await applyAt(site, addHosts, args)
    expect(registered).toEqual(['10.0.0.3:9779'])
  })

  test('does not wait for ever, and names the storaged', async () => {
    const clock = patientClock()
    const { meta } = metads(['10.0.0.2:9779'], {
      addHost: async () => {
        throw new BkpError('nebula.refused', 'E_HOST_CAN_NOT_BE_ADDED')
      },
    })
    const error = await errorOf(applyAt(nebulaSite({ hosts, meta, clock }), addHosts, args))
    expect(error.code).toBe('nebula.not_ready')
    expect(error.message).toMatch(
      /^the metads did not register 10\.0\.0\.3:9779 after .*: E_HOST_CAN_NOT_BE_ADDED$/,
    )
    expect(clock.spentMs()).toBeGreaterThanOrEqual(60_000)
    expect(clock.spentMs()).toBeLessThan(62_000)
  })

  test('says at once what no waiting mends', async () => {
    const skew = new BkpError('nebula.version', 'metads of two versions')
    const { meta } = metads([], {
      version: async () => {
        throw skew
      },
    })
    expect(await errorOf(planAt(nebulaSite({ hosts, meta }), addHosts, args))).toBe(skew)
  })
})
