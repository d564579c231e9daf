import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orderPairs } from '../../../../src/databases/nebula/restore/order-pairs.ts'
import { pairStorageds } from '../../../../src/databases/nebula/restore/pair-storageds.ts'

const old = (address: string, holdsParts = true) => ({ address, holdsParts })

/** Few addresses, so that old and new ones meet often. */
const address = fc.integer({ min: 1, max: 8 }).map(n => `10.0.0.${n}:9779`)
const addresses = fc.uniqueArray(address, { maxLength: 8 })

describe('pairing storageds', () => {
  it('keeps equal addresses where one differs, whatever their order as text', () => {
    const olds = ['10.0.0.9:9779', '10.0.0.10:9779', '10.0.0.11:9779'].map(name => old(name))
    const news = ['10.0.0.8:9779', '10.0.0.9:9779', '10.0.0.11:9779']
    expect(pairStorageds(olds, news, { '10.0.0.10:9779': '10.0.0.8:9779' })).toEqual({
      pairs: [
        { from: '10.0.0.9:9779', to: '10.0.0.9:9779' },
        { from: '10.0.0.10:9779', to: '10.0.0.8:9779' },
        { from: '10.0.0.11:9779', to: '10.0.0.11:9779' },
      ],
      gone: [],
      added: [],
      faults: [],
    })
  })

  it('asks for a map instead of guessing, and names a storaged that is free', () => {
    const { faults } = pairStorageds([old('a:1'), old('b:1')], ['b:1', 'c:1'], {})
    expect(faults).toEqual([expect.stringContaining('host_map: { "a:1": "c:1" }')])
  })

  it('needs no place for storageds without a partition, and leaves new ones empty', () => {
    const pairing = pairStorageds([old('a:1'), old('b:1', false)], ['a:1', 'c:1'], {})
    expect(pairing).toMatchObject({ gone: ['b:1'], added: ['c:1'], faults: [] })
  })

  it('lets the map say that two change places', () => {
    const swap = { 'a:1': 'b:1', 'b:1': 'a:1' }
    const { pairs, faults } = pairStorageds([old('a:1'), old('b:1')], ['a:1', 'b:1'], swap)
    expect(faults).toEqual([])
    expect(pairs).toEqual([
      { from: 'a:1', to: 'b:1' },
      { from: 'b:1', to: 'a:1' },
    ])
  })

  it.each([
    ['two onto one', { 'a:1': 'b:1' }, 'a:1 and b:1 of the backup would both become b:1'],
    ['an unknown old one', { 'x:1': 'b:1' }, 'the backup has no storaged x:1'],
    ['an unknown new one', { 'a:1': 'x:1' }, 'the cluster has no storaged x:1'],
  ])('refuses %s', (_, hostMap, fault) => {
    const { faults } = pairStorageds([old('a:1'), old('b:1')], ['a:1', 'b:1'], hostMap)
    expect(faults.join('\n')).toContain(fault)
  })

  it('without faults never puts two on one, keeps equals, and leaves out nobody who held partitions', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ address, holdsParts: fc.boolean() }), {
          selector: each => each.address,
          maxLength: 8,
        }),
        addresses,
        fc.dictionary(address, address, { maxKeys: 4 }),
        (olds, news, hostMap) => {
          const { pairs, gone, added, faults } = pairStorageds(olds, news, hostMap)
          fc.pre(faults.length === 0)
          expect(new Set(pairs.map(({ to }) => to)).size).toBe(pairs.length)
          for (const { address: from, holdsParts } of olds) {
            const to = pairs.find(pair => pair.from === from)?.to
            expect(to ?? (holdsParts ? 'left out' : from)).toBe(
              hostMap[from] ?? (news.includes(from) || !holdsParts ? from : 'nobody'),
            )
          }
          expect(new Set([...pairs.map(({ to }) => to), ...added])).toEqual(new Set(news))
          expect(gone.filter(one => news.includes(one))).toEqual([])
        },
      ),
    )
  })

  it('finds every pair of old ones that would meet', () => {
    fc.assert(
      fc.property(addresses, addresses, fc.dictionary(address, address), (olds, news, hostMap) => {
        const { pairs, faults } = pairStorageds(
          olds.map(name => old(name)),
          news,
          hostMap,
        )
        const meet = new Set(pairs.map(({ to }) => to)).size < pairs.length
        expect(faults.some(fault => fault.includes('both become'))).toBe(meet)
      }),
    )
  })
})

/** What a metad up to 3.0 does: one replacement after the other (specs/nebula.md §2.2). */
function oneByOne(names: readonly string[], pairs: ReturnType<typeof orderPairs>['ordered']) {
  return names.map(name =>
    pairs.reduce((current, { from, to }) => (current === from ? to : current), name),
  )
}

describe('ordering replacements', () => {
  it('makes one after the other what all at once would', () => {
    fc.assert(
      fc.property(addresses, addresses, (froms, tos) => {
        const pairs = froms.slice(0, tos.length).map((from, at) => ({ from, to: tos[at] ?? from }))
        // Who keeps his address is nobody's target: that is what pairing sees to.
        const targets = new Set(pairs.map(({ to }) => to))
        const others = froms.slice(tos.length).filter(name => !targets.has(name))
        const names = [...pairs.map(({ from }) => from), ...others]
        const { ordered } = orderPairs(pairs, index => `temporary:${index}`)
        expect(oneByOne(names, ordered)).toEqual([...pairs.map(({ to }) => to), ...others])
      }),
      { numRuns: 500 },
    )
  })

  it('takes a chain from its end, without temporary names', () => {
    const chain = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
    ]
    expect(orderPairs(chain, () => 'temporary')).toEqual({ ordered: chain.toReversed(), rings: 0 })
  })

  it('breaks each ring once', () => {
    const rings = ['a b', 'b a', 'c d', 'd e', 'e c'].map(text => {
      const [from = '', to = ''] = text.split(' ')
      return { from, to }
    })
    const { ordered, rings: count } = orderPairs(rings, index => `t${index}`)
    expect(count).toBe(2)
    expect(ordered).toHaveLength(7)
    expect(oneByOne(['a', 'b', 'c', 'd', 'e'], ordered)).toEqual(['b', 'a', 'd', 'e', 'c'])
  })
})
