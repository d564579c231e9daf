import { afterEach, describe, expect, it } from 'vitest'
import type { Generation } from '../../../src/databases/nebula/contract.ts'
import { startNebula } from './cluster.ts'
import type { NebulaCluster, NebulaOptions, NebulaService } from './contract.ts'
import { callService, callThrift, type Decoded, type Struct } from './thrift-call.ts'

let running: NebulaCluster | undefined

afterEach(async () => {
  await running?.stop()
  running = undefined
})

const more: Readonly<Partial<Record<Generation, Partial<NebulaOptions>>>> = {
  '2.0': { relativePaths: true },
  '2.1': { walPath: true },
}

const code = (reply: Readonly<Record<string, Decoded>>): Decoded => reply['1'] ?? 'none'
const first = (services: readonly NebulaService[]): NebulaService => {
  const [service] = services
  if (service === undefined) throw new Error('there is no such service')
  return service
}
const dropRequest = (generation: Generation, name: string): Struct =>
  generation === '3.3' ? { 1: { list: [{ text: name }] } } : { 1: { text: name } }
const hostOf = (address: string): { readonly struct: Struct } => {
  const [host = '', port = ''] = address.split(':')
  return { struct: { 1: { text: host }, 2: { i32: Number(port) } } }
}

/** What a stand-in of a generation does that backups and restores of it are tested with. */
export function behavesAs(generation: Generation): void {
  describe(`a NebulaGraph ${generation} on generated Thrift code`, () => {
    it('backs up by hard links, drops them, and takes its meta tables in again', async () => {
      const cluster = await startNebula({ generation, ...more[generation] })
      running = cluster
      const metad = first(cluster.metads)
      const reply = await callThrift(metad.address, 'createBackup', {})
      expect(code(reply)).toBe(0)
      const meta = reply['3'] as { readonly 2: readonly string[]; readonly 3: string }
      const name = meta[3]
      expect(name).toMatch(/^BACKUP_\d{4}(_\d{2}){5}$/)
      const found = await cluster.leftovers()
      // Of three storageds two data paths each, of the metad, and the row; links below wal_path.
      expect(found.filter(text => text.endsWith(name)).length).toBe(generation === '2.1' ? 11 : 8)
      for (const { host } of cluster.storageds) {
        const links = cluster.run(
          host,
          `find ${cluster.dataDir} -path '*/${name}/data/*.sst' -links 2`,
        )
        expect(links.split('\n').filter(Boolean).length).toBe(2)
      }
      expect(await cluster.blocked()).toEqual([])

      // A copy of the tables outlives the backup; what restoreMeta was given is removed.
      const root = generation === '2.0' ? `${cluster.installDir}/` : ''
      const sources = meta[2].map(file => `${root}${file}`)
      cluster.run(
        metad.host,
        `mkdir ${cluster.dataDir}/tables; cp ${sources.join(' ')} ${cluster.dataDir}/tables`,
      )
      const drop = () => callThrift(metad.address, 'dropSnapshot', dropRequest(generation, name))
      expect(code(await drop())).toBe(0)
      const left = (await cluster.leftovers()).filter(text => !text.includes('/wal-disk/'))
      expect(left).toEqual([])
      const absent = { '2.0': -23, '2.1': -17, '3.0': 0, '3.3': -2057 }
      expect(code(await drop())).toBe(absent[generation])

      await cluster.stopServices(...cluster.storageds, ...cluster.graphds, metad)
      cluster.run(metad.host, `mv ${first([metad]).dataDirs[0]}/nebula ${cluster.dataDir}/old`)
      await cluster.start(metad)
      await cluster.leader()
      const files = sources.map(file => `${cluster.dataDir}/tables/${file.split('/').pop()}`)
      const [one, other] = cluster.storageds.map(({ address }) => hostOf(address))
      if (one === undefined || other === undefined) throw new Error('too few storageds')
      const swap = [{ struct: { 1: one, 2: other } }, { struct: { 1: other, 2: one } }]
      const restore = () =>
        callThrift(metad.address, 'restoreMeta', {
          1: { list: files.map(text => ({ text })) },
          2: { list: swap },
        })
      expect(code(await restore())).toBe(0)
      expect(code(await callThrift(metad.address, 'listSpaces', {}))).toBe(0)
      // Tables were removed when they were taken in.
      expect(cluster.run(metad.host, `ls ${cluster.dataDir}/tables`)).toBe('')
      expect(code(await restore())).toBe(generation === '2.0' ? -80 : -2068)
      // Up to 3.0 pairs come one after the other: the swap collapsed, and one host has all.
      const hosts = new Set(await cluster.partitionHosts())
      expect(hosts.size).toBe(generation === '3.3' ? 3 : 2)
    })
  })
}

/** Elections, and faults that tests ask for. */
export function electsAndFails(): void {
  describe('a NebulaGraph with three metads', () => {
    it('elects, redirects, and answers what a fault says', async () => {
      const cluster = await startNebula({
        generation: '3.3',
        metads: 3,
        storageds: 1,
        dataPaths: 1,
      })
      running = cluster
      const before = await cluster.leader()
      const follower = first(cluster.metads.filter(metad => metad !== before))
      const redirected = await callThrift(follower.address, 'listSnapshots', {})
      expect(code(redirected)).toBe(-4)
      expect(redirected['2']).toEqual({ 1: before.address.split(':')[0], 2: 9559 })

      await cluster.fault(before, { method: 'listSnapshots', code: 'E_STORE_FAILURE' })
      expect(code(await callThrift(before.address, 'listSnapshots', {}))).toBe(-2021)
      expect(code(await callThrift(before.address, 'listSnapshots', {}))).toBe(0)

      // The connection is lost after the work was done: the row is there.
      await cluster.fault(before, { method: 'createSnapshot', drop: 'after' })
      await expect(callThrift(before.address, 'createSnapshot', {})).rejects.toThrow(
        'closed the connection',
      )
      expect((await cluster.snapshots()).map(({ valid }) => valid)).toEqual([true])

      // Nobody leads for a while, then the one that was asked for.
      // Long enough to ask meanwhile, however busy this machine is.
      await cluster.stepDown({ to: follower, holdMs: 1000 })
      const during = await callThrift(before.address, 'listSnapshots', {})
      expect([code(during), during['2']]).toEqual([-4, { 1: '', 2: 0 }])
      expect((await cluster.leader()).address).toBe(follower.address)
      expect((await cluster.snapshots()).length).toBe(1)
    })
  })
}

/** What unblocking writes is tested with. */
export function staysBlocked(): void {
  describe('a NebulaGraph 3.0 under writes', () => {
    it('stays blocked after a failed export, until a snapshot lifts that; graphd tells', async () => {
      const cluster = await startNebula({ generation: '3.0', spaces: [{ name: 'nba', rows: 10 }] })
      running = cluster
      const [metad, graphd] = [first(cluster.metads), first(cluster.graphds)]
      const session = await callService(graphd.address, 'authenticate', {
        1: { text: 'root' },
        2: { text: 'nebula' },
      })
      const execute = async (statement: string) =>
        await callService(graphd.address, 'execute', {
          1: { i64: session['3'] as bigint },
          2: { text: statement },
        })
      const insert = 'USE nba; INSERT VERTEX player() VALUES "probe":()'
      expect(code(await execute(insert))).toBe(0)

      await cluster.fault(metad, { method: 'createBackup:export', code: 'E_STORE_FAILURE' })
      expect(code(await callThrift(metad.address, 'createBackup', {}))).toBe(-24)
      expect((await cluster.blocked()).length).toBe(3)
      expect(String((await execute(insert))['5'])).toContain('E_RAFT_WRITE_BLOCKED')

      expect(code(await execute('CREATE SNAPSHOT'))).toBe(0)
      expect(await cluster.blocked()).toEqual([])
      expect(code(await execute(insert))).toBe(0)
      const shown = (await execute('SHOW SNAPSHOTS'))['3'] as { readonly 2: readonly unknown[] }
      expect(shown[2].length).toBe(2)
      for (const { name } of await cluster.snapshots()) {
        expect(code(await execute(`DROP SNAPSHOT ${name}`))).toBe(0)
      }
      expect(await cluster.leftovers()).toEqual([])
      expect(code(await execute('SUBMIT JOB STATS'))).toBe(0)
      const stats = JSON.stringify((await execute('SHOW STATS'))['3'], (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      )
      // 10 of each of 6 partitions, and the probe.
      expect(stats).toContain('{"5":"vertices"},{"3":"61"}')
      expect(stats).toContain('{"5":"edges"},{"3":"60"}')
    })
  })
}
