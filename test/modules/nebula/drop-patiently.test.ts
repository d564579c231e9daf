import { describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { metaClient } from '../../../src/databases/nebula/clients.ts'
import { dropPatiently } from '../../../src/modules/nebula/dropping/patience.ts'
import { type FakeAnswer, fakeMetads } from '../../databases/nebula/fake-metad.ts'

const name = 'BACKUP_2026_11_21_10_00_00'
const io = quietIo
const code = (number: number): FakeAnswer => ({ reply: { code: number } })

/** A metad with that backup, and the drop of it. */
function scene(generation: '2.0' | '2.1' | '3.3' = '3.3') {
  const fake = fakeMetads({ generation, version: '3.8.0' })
  const metad = fake.metad('meta1:9559')
  const snapshots = [{ name, status: 0, hosts: '' }]
  metad.answer('listSnapshots', { reply: { code: 0, snapshots } })
  const cluster = { name: 'graph', roles: {}, hosts: [], settings: {} }
  const client = metaClient(fake.access, fake.findInstances)
  return {
    fake,
    metad,
    drop: () => dropPatiently({ client, cluster, clock: fake.clock }, name, io),
  }
}

describe('a drop that is owed', () => {
  it.each([
    ['3.3', 'has no code for it (E_UNKNOWN)', -8000],
    ['2.0', 'has no code for it (E_UNKNOWN)', -99],
    ['3.3', 'has not loaded its part yet', -16],
    ['2.1', 'cannot write its own store while it elects', -2021],
  ] as const)('is asked for again where a metad of %s %s', async (generation, _what, answer) => {
    const { fake, metad, drop } = scene(generation)
    metad.answer('dropSnapshot', code(answer), code(answer), code(0))
    expect(await drop()).toBe('dropped')
    expect(fake.count('dropSnapshot')).toBe(3)
    expect(fake.clock.monotonicMs()).toBe(3000)
  })

  it('is done where the refused one had dropped it after all', async () => {
    const { metad, drop } = scene()
    metad.answer('dropSnapshot', code(-8000), code(-2057))
    expect(await drop()).toBe('dropped')
  })

  it('ends after two minutes with what the metad said', async () => {
    const { fake, metad, drop } = scene()
    metad.answer('dropSnapshot', code(-8000))
    await expect(drop()).rejects.toMatchObject({
      code: 'nebula.refused',
      details: { name: 'E_UNKNOWN', code: -8000 },
    })
    expect(fake.clock.monotonicMs()).toBeLessThanOrEqual(120_000)
    expect(fake.clock.monotonicMs()).toBeGreaterThan(60_000)
  })

  it('is asked for once where the answer does not pass by itself', async () => {
    const { fake, metad, drop } = scene()
    metad.answer('dropSnapshot', code(-1008))
    await expect(drop()).rejects.toMatchObject({ code: 'nebula.refused' })
    expect(fake.count('dropSnapshot')).toBe(1)
  })
})
