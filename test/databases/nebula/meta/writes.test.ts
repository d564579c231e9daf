import { expect, test } from 'vitest'
import { quietIo } from '../../../../src/base/io.ts'
import { metaClient } from '../../../../src/databases/nebula/clients.ts'
import type { Generation } from '../../../../src/databases/nebula/contract.ts'
import { type FakeAnswer, type FakeMetads, fakeMetads } from '../fake-metad.ts'

const io = quietIo
const three = ['a:9559', 'b:9559', 'c:9559']
const name = 'BACKUP_2026_01_02_03_04_05'
const made: FakeAnswer = { reply: { code: 0, meta: { backupName: name, metaFiles: ['/m/a.sst'] } } }

function client(fake: FakeMetads) {
  return metaClient(fake.access, fake.findInstances)
}
function fake33(metads = ['meta1:9559']) {
  return fakeMetads({ generation: '3.3', version: '3.8.0', metads })
}

test('createBackup follows the leader, and says whose files these are', async () => {
  const fake = fake33(three)
  fake.lead('c:9559')
  fake.metad('c:9559').answer('createBackup', made)
  const created = await client(fake).createBackup({ spaces: ['nba'] }, io)
  expect(created.answeredBy).toEqual({ host: 'c', port: 9559 })
  expect(created.meta).toMatchObject({ generation: '3.3', name, metaFiles: ['/m/a.sst'] })
  expect(fake.calls.filter(call => call.name === 'createBackup').at(-1)?.req).toEqual({
    spaces: ['nba'],
  })
})

test('all spaces are asked for by leaving them out, and none is refused before anything is sent', async () => {
  const fake = fake33()
  fake.metad('meta1:9559').answer('createBackup', made)
  await client(fake).createBackup({}, io)
  expect(fake.calls.at(-1)).toMatchObject({ name: 'createBackup', req: {} })
  expect(Object.keys(fake.calls.at(-1)?.req ?? {})).toEqual([])
  await expect(client(fake).createBackup({ spaces: [] }, io)).rejects.toMatchObject({
    code: 'schema.invalid',
  })
  expect(fake.count('createBackup')).toBe(1)
})

test.each(['3.0', '3.3'] as const)('a storaged is registered once with %s', async generation => {
  const fake = fakeMetads({ generation, version: `${generation}.0`, metads: three })
  const storaged = { host: 's1', port: 9779 }
  fake.lead('b:9559')
  fake.metad('b:9559').answer('addHosts', { reply: { code: 0 } }, { reply: { code: -2002 } })
  expect(await client(fake).addHost(storaged, io)).toBe('added')
  expect(fake.calls.at(-1)?.req).toEqual({ hosts: [storaged] })
  expect(await client(fake).addHost(storaged, io)).toBe('known')
  fake.metad('b:9559').answer('addHosts', { reply: { code: -3001 } })
  await expect(client(fake).addHost(storaged, io)).rejects.toMatchObject({
    code: 'nebula.refused',
    details: { call: 'addHosts' },
  })
})

test.each(['2.0', '2.1'] as const)('%s registers no storageds', async generation => {
  const fake = fakeMetads({ generation, version: `${generation}.0`, metads: three })
  expect(await client(fake).addHost({ host: 's1', port: 9779 }, io)).toBe('known')
  expect(fake.count('addHosts')).toBe(0)
})

const lost: Readonly<Record<string, FakeAnswer>> = {
  'closes the connection': 'close',
  'never answers': 'silent',
  'answers with rubbish': { raw: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
  'fails inside': { exception: 'apache::thrift::TException' },
  'says nothing of the outcome': { reply: {} },
  'says nothing of the backup': { reply: { code: 0 } },
  'names a backup as nobody does': { reply: { code: 0, meta: { backupName: '../etc' } } },
  'stops leading in the middle': { afterMs: 60_000, answer: { reply: { code: -4 } } },
}
test.each(Object.entries(lost))(
  'createBackup is sent once and its outcome not known when the metad %s',
  async (_what, answer) => {
    const fake = fake33(three)
    fake.metad('a:9559').answer('createBackup', answer)
    await expect(client(fake).createBackup({}, io)).rejects.toMatchObject({
      code: 'nebula.outcome_unknown',
      details: { call: 'createBackup', metad: 'a:9559' },
    })
    expect(fake.count('createBackup')).toBe(1)
  },
)

test('createSnapshot, too, is sent once, and waits as long as it is told', async () => {
  const fake = fake33()
  fake.metad('meta1:9559').answer('createSnapshot', 'silent')
  await expect(client(fake).createSnapshot({ timeoutMs: 5000 }, io)).rejects.toMatchObject({
    code: 'nebula.outcome_unknown',
  })
  expect(fake.clock.monotonicMs()).toBe(5000)
  expect(fake.count('createSnapshot')).toBe(1)
})

test('without a time of its own it waits for the setting, then for half an hour', async () => {
  const waits = async (settings: { readonly create_timeout?: string }) => {
    const fake = fakeMetads({ generation: '3.3', version: '3.8.0', settings })
    fake.metad('meta1:9559').answer('createSnapshot', 'silent')
    await client(fake)
      .createSnapshot({}, io)
      .catch(() => {})
    return fake.clock.monotonicMs()
  }
  expect(await waits({})).toBe(30 * 60_000)
  expect(await waits({ create_timeout: '2h' })).toBe(2 * 3_600_000)
})

test('a slow createBackup is waited for', async () => {
  const fake = fake33()
  fake.metad('meta1:9559').answer('createBackup', { afterMs: 20 * 60_000, answer: made })
  expect((await client(fake).createBackup({}, io)).meta.name).toBe(name)
})

test('what was not sent for want of a connection is sent to the next metad', async () => {
  const fake = fake33(three)
  const metads = client(fake)
  await metads.version(io)
  fake.metad('a:9559').isUp = false
  fake.lead('b:9559')
  fake.metad('b:9559').answer('createBackup', made)
  expect((await metads.createBackup({}, io)).answeredBy).toEqual({ host: 'b', port: 9559 })
})

test('an election is waited for: nothing was done then', async () => {
  const fake = fake33()
  const election: FakeAnswer = { reply: { code: -4, leader: { host: '', port: 0 } } }
  fake.metad('meta1:9559').answer('createBackup', election, election, made)
  expect((await client(fake).createBackup({}, io)).meta.name).toBe(name)
  expect(fake.count('createBackup')).toBe(3)
})

test('a refusal is backup_failed, with what to do', async () => {
  const fake = fake33()
  fake.metad('meta1:9559').answer('createBackup', { reply: { code: -3 } })
  await expect(client(fake).createBackup({}, io)).rejects.toMatchObject({
    code: 'nebula.backup_failed',
    message: expect.stringContaining('(E_RPC_FAILURE, -3)'),
    hint: expect.stringContaining('9778'),
    details: { code: -3, name: 'E_RPC_FAILURE' },
  })
})

test.each(['2.0', '2.1', '3.0', '3.3'] as const)(
  'a space that is not there is named, and those that are (%s)',
  async generation => {
    const fake = fakeMetads({ generation, version: versionOf(generation) })
    const metad = fake.metad('meta1:9559')
    metad.answer('createBackup', { reply: { code: generation === '2.0' ? -72 : -2067 } })
    const spaces = [{ id: { spaceId: 1 }, name: 'basketball' }]
    metad.answer('listSpaces', { reply: { code: 0, spaces } })
    await expect(client(fake).createBackup({ spaces: ['footbal'] }, io)).rejects.toMatchObject({
      code: 'nebula.space_not_found',
      message: 'NebulaGraph has no space "footbal"',
      hint: 'there are: basketball',
    })
  },
)

function versionOf(generation: Generation): string {
  return { '2.0': '', '2.1': '2.6.1', '3.0': '3.2.1', '3.3': '3.8.0' }[generation]
}

test.each([
  ['2.0', -23],
  ['2.1', -17],
  ['3.0', 0],
  ['3.3', 0],
  ['3.3', -2057],
] as const)('dropping what is not there is absent (%s, code %i)', async (generation, code) => {
  const fake = fakeMetads({ generation, version: versionOf(generation) })
  fake.metad('meta1:9559').answer('dropSnapshot', { reply: { code } })
  expect(await client(fake).dropSnapshot(name, io)).toBe('absent')
})

test.each(['2.0', '2.1', '3.0', '3.3'] as const)(
  'dropSnapshot takes the form of its generation (%s)',
  async generation => {
    const fake = fakeMetads({ generation, version: versionOf(generation) })
    const row = { name, status: 0, hosts: '' }
    fake.metad('meta1:9559').answer('listSnapshots', { reply: { code: 0, snapshots: [row] } })
    expect(await client(fake).dropSnapshot(name, io)).toBe('dropped')
    const req = generation === '3.3' ? { names: [name] } : { name }
    expect(fake.calls.at(-1)).toMatchObject({ name: 'dropSnapshot', req })
  },
)

test('dropSnapshot is not sent while the generation is not known', async () => {
  const fake = fakeMetads({ generation: '3.3' })
  await expect(client(fake).dropSnapshot(name, io)).rejects.toMatchObject({
    code: 'nebula.version',
    hint: expect.stringContaining('version: 3.8.0'),
  })
  expect(fake.count('dropSnapshot')).toBe(0)
})

test('restoreMeta goes to the metad that is named, leader or not, and without one', async () => {
  const fake = fakeMetads({ generation: '3.3', metads: three })
  fake.lead(undefined)
  fake.metad('b:9559').answer('restoreMeta', { reply: { code: 0 } })
  const hosts = [{ from: { host: 'x', port: 9779 }, to: { host: 'y', port: 9779 } }]
  const metads = client(fake)
  await metads.restoreMeta({ host: 'b', port: 9559 }, { files: ['/m/a.sst'], hosts }, io)
  expect(fake.calls.at(-1)).toEqual({
    metad: 'b:9559',
    name: 'restoreMeta',
    req: {
      files: ['/m/a.sst'],
      hosts: [{ fromHost: { host: 'x', port: 9779 }, toHost: { host: 'y', port: 9779 } }],
    },
  })
})

test('restoreMeta is never sent twice, nor to another metad', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: three })
  const restore = async (answer: FakeAnswer) => {
    fake.metad('b:9559').answer('restoreMeta', answer)
    const request = { files: ['/m/a.sst'], hosts: [] }
    await client(fake).restoreMeta({ host: 'b', port: 9559 }, request, io)
  }
  await expect(restore('close')).rejects.toMatchObject({ code: 'nebula.outcome_unknown' })
  await expect(
    restore({ reply: { code: -4, leader: { host: 'a', port: 9559 } } }),
  ).rejects.toMatchObject({ code: 'nebula.refused', details: { name: 'E_LEADER_CHANGED' } })
  await expect(restore({ reply: { code: -2068 } })).rejects.toMatchObject({
    code: 'nebula.refused',
    details: { name: 'E_RESTORE_FAILURE' },
    hint: expect.stringContaining('stage them again'),
  })
  expect(fake.count('restoreMeta')).toBe(3)
})
