import { expect, test } from 'vitest'
import { quietIo } from '../../../../src/base/io.ts'
import type { ClusterAccess } from '../../../../src/databases/contract.ts'
import { metaReader } from '../../../../src/databases/nebula/clients.ts'
import { deadHost, fakeHost, files } from '../fake-host.ts'
import { type FakeMetads, fakeMetads } from '../fake-metad.ts'

const conf = '/usr/local/nebula/etc/nebula-metad.conf'
const flags = '--local_ip=127.0.0.1\n--port=9559\n--data_path=data/meta\n'

function accessTo(fake: FakeMetads, alive: readonly string[]): ClusterAccess {
  return {
    ...fake.access,
    roles: { metad: ['a', 'b'] },
    host: name =>
      alive.includes(name) ? fakeHost(name, files({ [conf]: flags })) : deadHost(name),
  }
}

test('metads are found by the configuration of their hosts; one that is down hides none', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: ['127.0.0.1:9559'] })
  const metads = metaReader(accessTo(fake, ['b']))
  expect(await metads.leader(quietIo)).toEqual({ host: '127.0.0.1', port: 9559 })
})

test('where all hosts are down, that is what is said', async () => {
  const fake = fakeMetads({ generation: '2.1', metads: ['127.0.0.1:9559'] })
  await expect(metaReader(accessTo(fake, [])).listSpaces(quietIo)).rejects.toMatchObject({
    code: 'ssh.unreachable',
  })
})
