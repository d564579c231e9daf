import { describe, expect, it } from 'vitest'
import { chooseMetaMethod } from '../../../../src/databases/nebula/restore/meta-method.ts'
import type { NebulaVersion } from '../../../../src/databases/nebula/restore/versions.ts'

const pairsOf = (text: string) =>
  text.split(' ').map(pair => {
    const [from = '', to = ''] = pair.split('>')
    return { from, to }
  })

const swap = pairsOf('a:1>b:1 b:1>a:1')
const v = (generation: NebulaVersion['generation'], version: string | null): NebulaVersion => ({
  generation,
  version,
})
const choose = (
  text: ReturnType<typeof pairsOf>,
  version: NebulaVersion,
  metads = 1,
  metaFiles: readonly string[] = [],
) => chooseMetaMethod(text, { ...version, metads, metaFiles })

describe('how metads learn of other addresses', () => {
  it('says nothing where none changes', () => {
    const same = pairsOf('a:1>a:1 b:1>b:1')
    expect(choose(same, v('2.0', '2.0.1'), 3)).toMatchObject({ method: 'restore_meta', pairs: [] })
  })

  it.each([v('3.3', null), v('3.0', '3.1.0')])('gives %o all at once', version => {
    expect(choose(swap, version, 3).pairs).toEqual(swap)
  })

  it.each([v('3.0', '3.0.2'), v('3.0', null), v('2.1', '2.6.1')])(
    'takes a ring through an address in between with %o',
    version => {
      expect(choose(swap, version).pairs).toEqual(
        pairsOf('a:1>bkp-swap.invalid:1 b:1>a:1 bkp-swap.invalid:1>b:1'),
      )
    },
  )

  describe('2.x with several metads', () => {
    it('goes over HTTP, by host, in a safe order', () => {
      const { method, pairs } = choose(pairsOf('a:1>b:1 a:2>b:2 b:1>c:1'), v('2.1', '2.5.0'), 3)
      expect(method).toBe('http_replace')
      expect(pairs).toEqual(pairsOf('b:1>c:1 a:2>b:2'))
    })

    it.each([
      ['a ring', 'a:1>b:1 b:1>a:1', [], 'change places'],
      ['another port', 'a:1>b:2', [], 'not ports'],
      ['a host that becomes two', 'a:1>b:1 a:2>c:2', [], 'becomes two'],
      ['a host of which one stays', 'a:1>b:1 a:2>a:2', [], 'becomes two'],
      ['zones', 'a:1>b:1', ['__zones__.sst'], 'leaves zones as they are'],
    ])('refuses %s', (_, text, files, why) => {
      expect(() => choose(pairsOf(text), v('2.1', '2.6.1'), 3, files)).toThrow(why)
    })
  })
})
