import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../../../src/base/clock.ts'
import { quietIo } from '../../../../src/base/io.ts'
import type { ClusterAccess } from '../../../../src/databases/contract.ts'
import { requireAddress } from '../../../../src/databases/nebula/addresses.ts'
import { metaClient } from '../../../../src/databases/nebula/clients.ts'
import { addressText, type Generation } from '../../../../src/databases/nebula/contract.ts'
import { startNebula } from '../../../servers/nebula/cluster.ts'
import type { NebulaCluster } from '../../../servers/nebula/contract.ts'
import { instanceOf } from '../fake-metad.ts'

const io = quietIo
let running: NebulaCluster | undefined

afterEach(async () => {
  await running?.stop()
  running = undefined
})

/** Straight from this machine: how a client comes to its connection is not what this is about. */
function clientOf(cluster: NebulaCluster) {
  const access: ClusterAccess = {
    name: 'graph',
    roles: {},
    settings: {},
    clock: systemClock,
    host: () => {
      throw new Error('no host is asked for anything here')
    },
    dial: async (_host, address) => {
      const socket = connect({ ...address, noDelay: true })
      await once(socket, 'connect')
      return socket
    },
  }
  return metaClient(access, async () => cluster.metads.map(({ address }) => instanceOf(address)))
}

/** Metads of a generation as the client has them. */
export function answersAsVendor(generation: Generation): void {
  test(`metads of ${generation} on the vendor's Thrift code: every call, and the leader that changes`, async () => {
    const cluster = await startNebula({
      generation,
      metads: 2,
      storageds: 1,
      graphds: 0,
      agents: true,
      spaces: [{ name: 'nba', partitions: 2, replicas: 1, rows: 3 }],
    })
    running = cluster
    const client = clientOf(cluster)
    const [storaged] = cluster.storageds

    expect((await client.version(io)).generation).toBe(generation)
    expect(addressText(await client.leader(io))).toBe((await cluster.leader()).address)
    const [host] = await client.listHosts('storage', io)
    expect(host).toMatchObject({ role: 'storage', status: 'online' })
    expect(addressText(host?.address ?? { host: '', port: 0 })).toBe(storaged?.address)
    const [space] = await client.listSpaces(io)
    expect(space?.name).toBe('nba')
    expect(await client.getSpace('nba', io)).toMatchObject({
      id: space?.id,
      description: { name: 'nba', partitions: 2, replicas: 1 },
    })
    await expect(client.getSpace('nbb', io)).rejects.toMatchObject({
      code: 'nebula.space_not_found',
    })
    const nodes = await client.listCluster(io)
    if (generation === '2.0') expect(nodes).toBeUndefined()
    else expect(nodes?.map(({ role }) => role)).toContain('storage')
    for (const metad of cluster.metads) {
      const directories = await client.metaDirectories(requireAddress(metad.address), io)
      if (generation === '2.0') expect(directories).toBeUndefined()
      else expect(directories?.data).toEqual(metad.dataDirs)
    }

    const other = cluster.metads.find(({ address }) => address !== cluster.metads[0]?.address)
    await cluster.stepDown(other === undefined ? {} : { to: other, holdMs: 300 })
    const { meta, answeredBy } = await client.createBackup({ spaces: ['nba'] }, io)
    expect(addressText(answeredBy)).toBe((await cluster.leader()).address)
    expect(meta).toMatchObject({ generation, spaces: [{ id: space?.id }] })
    await client.createSnapshot({}, io)
    const rows = await client.listSnapshots(io)
    expect(rows.map(({ status }) => status)).toEqual(['valid', 'valid'])
    expect(rows[0]?.name).toBe(meta.name)
    for (const { name } of rows) {
      expect(await client.dropSnapshot(name, io)).toBe('dropped')
      expect(await client.dropSnapshot(name, io)).toBe('absent')
    }
    expect(await client.listSnapshots(io)).toEqual([])
    await expect(client.createBackup({ spaces: ['nbb'] }, io)).rejects.toMatchObject({
      code: 'nebula.space_not_found',
    })
    await expect(
      client.restoreMeta(answeredBy, { files: ['/nowhere/__spaces__.sst'], hosts: [] }, io),
    ).rejects.toMatchObject({ code: 'nebula.refused', details: { name: 'E_RESTORE_FAILURE' } })
    await client.close()
  })
}
