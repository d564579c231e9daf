import { expect, test } from 'vitest'
import { quietIo } from '../../../../src/base/io.ts'
import { requireAddress } from '../../../../src/databases/nebula/addresses.ts'
import { metaClient, metaReader } from '../../../../src/databases/nebula/clients.ts'
import { type FakeMetads, fakeMetads } from '../fake-metad.ts'

const three = ['a:9559', 'b:9559', 'c:9559']
const io = quietIo

function reader(fake: FakeMetads) {
  return metaReader(fake.access, fake.findInstances)
}

test('a metad that does not lead names the leader, which is asked from then on', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: three })
  fake.lead('c:9559')
  const metads = reader(fake)
  expect(await metads.leader(io)).toEqual({ host: 'c', port: 9559 })
  const before = fake.calls.length
  await metads.listSnapshots(io)
  expect(fake.calls.slice(before)).toEqual([{ metad: 'c:9559', name: 'listSnapshots', req: {} }])
})

test('during an election all metads are asked in turn until one leads', async () => {
  const fake = fakeMetads({ generation: '3.3', version: '3.8.0', metads: three })
  const metads = reader(fake)
  await metads.version(io)
  fake.lead(undefined)
  const from = fake.clock.monotonicMs()
  const asked = metads.listSpaces(io)
  await fake.clock.sleep(15_000)
  fake.lead('b:9559')
  expect(await asked).toEqual([])
  const took = fake.clock.monotonicMs() - from
  expect(took).toBeGreaterThanOrEqual(15_000)
  expect(took).toBeLessThan(25_000)
  const tried = fake.calls.filter(({ name }) => name === 'listSpaces').map(({ metad }) => metad)
  expect(new Set(tried.slice(0, 3))).toEqual(new Set(three))
})

test('an election without an end is an error that names the metads', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: three })
  fake.lead(undefined)
  await expect(reader(fake).listSpaces(io)).rejects.toMatchObject({
    code: 'nebula.no_leader',
    message: 'the metads have no leader: a:9559, b:9559, c:9559',
  })
  expect(fake.clock.monotonicMs()).toBeGreaterThan(90_000)
  expect(fake.clock.monotonicMs()).toBeLessThan(100_000)
})

test('metads that send in a circle are waited for as in an election', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: ['a:9559', 'b:9559'] })
  const to = (leader: string) => ({ reply: { code: -4, leader: requireAddress(leader) } })
  fake.metad('a:9559').answer('listSnapshots', to('b:9559'), to('b:9559'), { reply: { code: 0 } })
  fake.metad('b:9559').answer('listSnapshots', to('a:9559'))
  expect(await reader(fake).listSnapshots(io)).toEqual([])
  expect(fake.count('listSnapshots')).toBeLessThan(8)
})

test('the next metad is asked when one is down, or breaks off', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: three })
  fake.metad('a:9559').isUp = false
  fake.lead('c:9559')
  fake.metad('b:9559').answer('listSnapshots', 'close')
  expect(await reader(fake).listSnapshots(io)).toEqual([])
})

test('where none can be reached, each is named with the reason', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: ['a:9559', 'b:9559'] })
  for (const name of ['a:9559', 'b:9559']) fake.metad(name).isUp = false
  await expect(reader(fake).listSpaces(io)).rejects.toMatchObject({
    code: 'nebula.unreachable',
    exit: 4,
    message: expect.stringMatching(/metad a:9559 cannot be reached .* metad b:9559 cannot be/),
    hint: expect.stringContaining('address_map'),
  })
})

test('a leader with a name of its own network is dialled by address_map', async () => {
  const fake = fakeMetads({
    generation: '2.1',
    metads: ['a:9559', '127.0.0.1:20000'],
    settings: { address_map: { 'metad-2.internal:9559': '127.0.0.1:20000' } },
  })
  const leader = { host: 'metad-2.internal', port: 9559 }
  fake.metad('a:9559').answer('listSnapshots', { reply: { code: -4, leader } })
  fake.metad('127.0.0.1:20000').answer('listSnapshots', { reply: { code: 0 } })
  await reader(fake).listSnapshots(io)
  expect(fake.dialled).toEqual(['a:9559', '127.0.0.1:20000'])
})

test('a metad that has just started is asked again, but not for ever', async () => {
  const fake = fakeMetads({ generation: '2.1' })
  const loading = { reply: { code: -16 } }
  fake.metad('meta1:9559').answer('listSpaces', loading, loading, { reply: { code: 0 } })
  expect(await reader(fake).listSpaces(io)).toEqual([])
  fake.metad('meta1:9559').answer('listSpaces', loading)
  await expect(reader(fake).listSpaces(io)).rejects.toMatchObject({
    code: 'nebula.refused',
    details: { code: -16, name: 'E_PART_NOT_FOUND', metad: 'meta1:9559' },
  })
})

test('-11 is a redirect in 2.0 only', async () => {
  const old = fakeMetads({ generation: '2.0', metads: ['a:9559', 'b:9559'] })
  old.lead('b:9559')
  expect(await reader(old).leader(io)).toEqual({ host: 'b', port: 9559 })
  const fake = fakeMetads({ generation: '2.1' })
  fake.metad('meta1:9559').answer('listSnapshots', { reply: { code: -11 } })
  await expect(reader(fake).listSnapshots(io)).rejects.toMatchObject({
    code: 'nebula.refused',
    details: { code: -11, name: 'E_ROLE_NOT_FOUND' },
  })
})

test('a metad that does not answer is given up after a minute', async () => {
  const fake = fakeMetads({ generation: '2.1' })
  fake.metad('meta1:9559').answer('listSpaces', 'silent')
  await expect(reader(fake).listSpaces(io)).rejects.toMatchObject({
    code: 'nebula.unreachable',
    message: expect.stringContaining('did not answer listSpaces within 1m00s'),
  })
  expect(fake.openConnections()).toBe(0)
})

test('a cancelled call ends at once, and closes its connection', async () => {
  const fake = fakeMetads({ generation: '2.1' })
  fake.metad('meta1:9559').answer('listSpaces', 'silent')
  const cancel = new AbortController()
  const asked = reader(fake).listSpaces({ ...io, signal: cancel.signal })
  void fake.clock.sleep(5).then(() => cancel.abort())
  await expect(asked).rejects.toMatchObject({ code: 'step.cancelled' })
  expect(fake.openConnections()).toBe(0)
  expect(fake.clock.monotonicMs()).toBe(5)
})

test('what a connection is used for twice is asked over the same one', async () => {
  const fake = fakeMetads({ generation: '2.1' })
  const metads = reader(fake)
  await metads.listSpaces(io)
  await metads.listSnapshots(io)
  expect(fake.dialled).toHaveLength(1)
  await metads.close()
  expect(fake.openConnections()).toBe(0)
})

test('a connection that its metad closes meanwhile is made anew, once', async () => {
  const fake = fakeMetads({ generation: '2.1' })
  const metads = reader(fake)
  fake.metad('meta1:9559').answer('listSnapshots', 'close', { reply: { code: 0 } })
  await metads.listSpaces(io)
  expect(await metads.listSnapshots(io)).toEqual([])
  expect(fake.dialled).toHaveLength(2)
  fake.metad('meta1:9559').answer('listSnapshots', 'close')
  await expect(metads.listSnapshots(io)).rejects.toMatchObject({ code: 'nebula.unreachable' })
  expect(fake.dialled).toHaveLength(3)
})

test('a reader has no call that writes, and a client has all', () => {
  const fake = fakeMetads({ generation: '2.1' })
  const writes = ['createBackup', 'createSnapshot', 'dropSnapshot', 'restoreMeta']
  expect(writes.filter(name => name in reader(fake))).toEqual([])
  expect(writes.filter(name => name in metaClient(fake.access, fake.findInstances))).toEqual(writes)
})
