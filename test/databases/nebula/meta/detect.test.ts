import { expect, test } from 'vitest'
import { quietIo } from '../../../../src/base/io.ts'
import { metaReader } from '../../../../src/databases/nebula/clients.ts'
import { type FakeMetads, fakeMetads } from '../fake-metad.ts'

const io = quietIo

function version(fake: FakeMetads) {
  return metaReader(fake.access, fake.findInstances).version(io)
}

test.each([
  ['2.0', '', { generation: '2.0' }],
  ['2.1', '', { generation: '2.1' }],
  ['2.1', '2.5.1', { generation: '2.1', version: '2.5.1' }],
  ['3.0', '3.2.1', { generation: '3.0', version: '3.2.1' }],
  ['3.0', 'v3.0.0-rc', { generation: '3.0', version: 'v3.0.0-rc' }],
  ['3.3', '3.3.0', { generation: '3.3', version: '3.3.0' }],
  ['3.3', '3.8.0', { generation: '3.3', version: '3.8.0' }],
] as const)('%s with the version "%s"', async (generation, text, expected) => {
  expect(await version(fakeMetads({ generation, version: text }))).toEqual(expected)
})

test('2.6 refuses clients of 3.0.0', async () => {
  const fake = fakeMetads({ generation: '2.1', version: '2.6.1' })
  fake.metad('meta1:9559').answer('verifyClientVersion', { reply: { code: -3061 } })
  expect(await version(fake)).toEqual({ generation: '2.1', version: '2.6.1' })
})

test('storageds tell where metads do not, and those that are offline do not count', async () => {
  const fake = fakeMetads({ generation: '3.3' })
  const host = (text: string, status: number) => ({
    hostAddr: { host: 's', port: 9779 },
    status,
    version: text,
  })
  fake
    .metad('meta1:9559')
    .answer(
      'listHosts',
      { reply: { code: 0, hosts: [host('', 0)] } },
      { reply: { code: 0, hosts: [host('3.2.1', 1), host('3.6.0', 0), host('3.5.0', 0)] } },
    )
  expect(await version(fake)).toEqual({ generation: '3.3', version: '3.6.0' })
})

test('a setting tells where 3.x does not', async () => {
  const settings = { version: '3.1.0' }
  expect(await version(fakeMetads({ generation: '3.0', settings }))).toEqual({ generation: '3.0' })
})

test.each([
  ['3.3', '3.8.0', '3.2.0'],
  ['3.3', '3.8.0', '2.6.1'],
  ['3.3', '', '2.6.1'],
  ['2.1', '', '3.8.0'],
  ['2.0', '', '2.5.0'],
] as const)('%s (%s) is not what a setting of %s says', async (generation, text, setting) => {
  const fake = fakeMetads({ generation, version: text, settings: { version: setting } })
  await expect(version(fake)).rejects.toMatchObject({
    code: 'nebula.version',
    message: expect.stringContaining(`NebulaGraph ${setting} runs, but it is`),
  })
})

test.each(['1.2.0', '4.0.0', 'newest'])('a setting of %s is none that bkp knows', async setting => {
  const fake = fakeMetads({ generation: '3.3', settings: { version: setting } })
  await expect(version(fake)).rejects.toMatchObject({ code: 'nebula.version' })
})

test('metads of two generations are half an upgrade', async () => {
  const fake = fakeMetads({ generation: '3.3' })
  const hosts = ['3.2.1', '3.3.0'].map(text => ({
    hostAddr: { host: 'm', port: 9559 },
    status: 0,
    version: text,
  }))
  fake.metad('meta1:9559').answer('listHosts', { reply: { code: 0, hosts } })
  await expect(version(fake)).rejects.toMatchObject({
    code: 'nebula.version',
    message: expect.stringContaining('3.0 and 3.3'),
  })
})

test('it is asked once, and again after a failure', async () => {
  const fake = fakeMetads({ generation: '3.3', version: '3.8.0' })
  const metads = metaReader(fake.access, fake.findInstances)
  fake.metad('meta1:9559').isUp = false
  await expect(metads.version(io)).rejects.toMatchObject({ code: 'nebula.unreachable' })
  fake.metad('meta1:9559').isUp = true
  await Promise.all([metads.version(io), metads.version(io)])
  await metads.version(io)
  expect(fake.count('verifyClientVersion')).toBe(1)
})

test('what 2.0 lacks is undefined', async () => {
  const fake = fakeMetads({ generation: '2.0' })
  const metads = metaReader(fake.access, fake.findInstances)
  expect(await metads.listCluster(io)).toBeUndefined()
  expect(await metads.metaDirectories({ host: 'meta1', port: 9559 }, io)).toBeUndefined()
})
