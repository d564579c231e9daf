import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import type { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createHdfsStorage } from '../../src/storage/hdfs/hdfs.ts'
import { type HdfsPlace, urlOfPlace } from '../../src/storage/hdfs/place.ts'
import { key } from '../../src/storage/key.ts'
import { storageContract } from '../contracts/storage.ts'
import { type Hdfs, startHdfs } from '../servers/hdfs.ts'
import { explain, makeWorkspace, type Outcome, playbooks } from '../slice/bkp.ts'
import { failure } from './failure.ts'
import { remoteException, send, startFakeHdfs } from './hdfs/fake-hdfs.ts'

const tools = { clock: systemClock, random: systemRandom }
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

let hdfs: Hdfs
let places = 0
const freshPlace = (): HdfsPlace => {
  places += 1
  return hdfs.place(`/place-${places}`)
}
const storageOf = (place: HdfsPlace): Storage => createHdfsStorage(place, tools)

beforeAll(async () => {
  hdfs = await startHdfs()
})
afterAll(() => hdfs?.stop())

interface Listing {
  readonly FileStatuses: {
    readonly FileStatus: readonly { readonly pathSuffix: string; readonly type: string }[]
  }
}

/** Names of all files below a directory, past bkp. */
async function filesBelow(path: string): Promise<readonly string[]> {
  const listed = (await hdfs.ask('GET', encodeURI(path), 'op=LISTSTATUS')) as Listing
  const found: string[] = []
  for (const { pathSuffix, type } of listed.FileStatuses.FileStatus) {
    if (type === 'FILE') found.push(pathSuffix)
    else {
      const below = await filesBelow(`${path}/${pathSuffix}`)
      found.push(...below.map(name => `${pathSuffix}/${name}`))
    }
  }
  return found
}

storageContract('hdfs', async () => {
  const place = freshPlace()
  return { storage: storageOf(place), leftovers: () => filesBelow(place.path) }
})

describe('hdfs', () => {
  it('takes paths and keys with any character, and keys fanned out', async () => {
    const place = hdfs.place('/é%41 中上;+#?&/x')
    const storage = storageOf(place)
    const id = 'ab'.padEnd(64, '0')
    for (const name of ['a b', 'a%41', 'é/中', 'a+b&c=d', '#', '?', `data/${id}`, `data/${id}.7`]) {
      expect(await storage.putIfAbsent(key(name), text(name), quietIo), name).toBe('created')
      expect(await storage.get(key(name), quietIo), name).toEqual(text(name))
      expect(await storage.delete([key(name)], quietIo), name).toEqual([])
    }
    const block = key(`data/${id}`)
    await storage.put(block, text('x'), quietIo)
    const listed = (await hdfs.ask(
      'GET',
      `${place.path.split('/').map(encodeURIComponent).join('/')}/data/ab`,
      'op=LISTSTATUS',
    )) as Listing
    expect(listed.FileStatuses.FileStatus).toMatchObject([{ pathSuffix: id, permission: '600' }])
  })

  it('lets exactly one of 16 win, who know nothing of each other', async () => {
    const place = freshPlace()
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        storageOf(place).putIfAbsent(key('register'), text(`${i}`), quietIo),
      ),
    )
    expect(outcomes.filter(outcome => outcome === 'created')).toHaveLength(1)
    const winner = await storageOf(place).get(key('register'), quietIo)
    expect(outcomes[Number(Buffer.from(winner))]).toBe('created')
    expect(await filesBelow(place.path)).toEqual(['register'])
  })

  it('tells the time, and who may not', async () => {
    const place = freshPlace()
    const time = await storageOf(place).now?.(quietIo)
    expect(Math.abs((time?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    await storageOf(place).put(key('a'), text('x'), quietIo)
    const other = storageOf({ ...place, user: 'mallory' })
    for (const work of [
      () => other.get(key('a'), quietIo),
      () => other.put(key('b'), text('x'), quietIo),
      () => other.putIfAbsent(key('a'), text('x'), quietIo),
    ]) {
      const error = await failure(work())
      expect(error.code).toBe('storage.failed')
      expect(error.message).toContain('permission denied')
      expect(error.message).toContain('mallory')
      expect(error.hint).toContain('write permission')
    }
    expect(await other.delete([key('a')], quietIo)).toHaveLength(1)
    expect(await storageOf(place).get(key('a'), quietIo)).toEqual(text('x'))
  })

  it('finds the active namenode, and goes to listed datanodes only', async () => {
    const standby = await startFakeHdfs()
    standby.trouble = (_request, { response }) =>
      send(response, remoteException(403, 'StandbyException', 'not here'))
    const place = freshPlace()
    const both = { ...place, namenodes: [standby.namenode, ...place.namenodes] }
    await storageOf(both).put(key('a'), text('x'), quietIo)
    expect(await storageOf(both).get(key('a'), quietIo)).toEqual(text('x'))
    await standby.stop()
    const unlisted = storageOf({ ...place, redirectHosts: [] })
    const refusals: BkpError[] = []
    // Which datanode is named is the namenode's choice.
    while (refusals.length === 0) {
      await unlisted.put(key('b'), text('x'), quietIo).catch(error => refusals.push(error))
    }
    expect(refusals[0]?.message).toContain('127.0.0.2, which is not listed')
    expect(refusals[0]?.hint).toContain("redirect_hosts: ['127.0.0.2']")
  })

  it('waits while the namenode is in safe mode', async () => {
    const place = freshPlace()
    await storageOf(place).put(key('a'), text('x'), quietIo)
    await hdfs.safeMode('enter')
    let isLeft = false
    const pauses: number[] = []
    const clock = {
      ...systemClock,
      sleep: async (milliseconds: number) => {
        pauses.push(milliseconds)
        if (!isLeft) await hdfs.safeMode('leave')
        isLeft = true
      },
    }
    const storage = createHdfsStorage(place, { ...tools, clock })
    await storage.put(key('a'), text('y'), quietIo)
    expect(pauses.length).toBeGreaterThan(0)
    expect(await storage.get(key('a'), quietIo)).toEqual(text('y'))
  })

  // A datanode of the test's one process gives up now and then on a busy machine; streams are not sent again.
  it('streams 256 MiB through little memory', { retry: 2 }, async () => {
    const part = new Uint8Array(1024 * 1024)
    const hash = createHash('sha256')
    async function* source(): AsyncIterable<Uint8Array> {
      for (let i = 0; i < 256; i += 1) {
        part.fill(i)
        hash.update(part)
        yield part
      }
    }
    const storage = storageOf(freshPlace())
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss)
    }, 20)
    await storage.putStream(key('big'), source(), 256 * part.length, quietIo)
    clearInterval(watch)
    expect((most - before) / 1024 ** 2).toBeLessThan(150)
    const again = createHash('sha256')
    for (let at = 0; at < 256 * part.length; at += 32 * part.length) {
      const range = { offset: at, lengthBytes: 32 * part.length }
      again.update(await storage.get(key('big'), quietIo, range))
    }
    expect(again.digest('hex')).toBe(hash.digest('hex'))
  })
})

describe('bkp with a storage in HDFS', () => {
  it('backs up, lists, verifies and restores, by name and by URL', async () => {
    const workspace = makeWorkspace()
    const site = join(workspace.folder, 'site')
    mkdirSync(site)
    writeFileSync(join(site, 'app.conf'), 'workers = 4\n')
    const place = freshPlace()
    const { namenodes, path, user, redirectHosts } = place
    const vault = { type: 'hdfs', namenodes, path, user, redirect_hosts: redirectHosts }
    const inventory = {
      all: { hosts: { here: { ansible_connection: 'local' } } },
      clusters: { tree: { kind: 'files', hosts: 'here', paths: [site] } },
      storages: { vault },
    }
    writeFileSync(workspace.inventory, JSON.stringify(inventory))
    const done = (words: readonly string[]): Outcome => {
      const outcome = workspace.run(words)
      expect(outcome.status, explain(outcome)).toBe(0)
      return outcome
    }
    done(['run', playbooks.backup, '-i', workspace.inventory])
    const url = urlOfPlace(place)
    const listed = JSON.parse(done(['list', url, '--json']).stdout)
    expect(listed).toMatchObject({ repository: { url }, backups: [{ state: 'complete' }] })
    expect(done(['verify', 'vault', '-i', workspace.inventory, '--read-data']).stderr).toBe('')
    const files = await filesBelow(path)
    expect(files).toContain('bendsave.md')
    expect(files.filter(name => /^data\/([0-9a-f]{2})\/\1[0-9a-f]{62}$/.test(name))).not.toEqual([])
    expect(files.filter(name => name.includes('.tmp-'))).toEqual([])
    writeFileSync(join(site, 'app.conf'), 'workers = 64\n')
    done(['run', playbooks.restore, '-i', workspace.inventory, '--confirm=tree'])
    expect(readFileSync(join(site, 'app.conf'), 'utf8')).toBe('workers = 4\n')
    const denied = workspace.run(['list', urlOfPlace({ ...place, user: 'mallory' })])
    expect(denied.status).toBe(2)
    expect(denied.stderr).toContain('permission denied')
    workspace.remove()
  })

  it('goes on when a datanode dies', async () => {
    const place = freshPlace()
    const storage = storageOf(place)
    await hdfs.stopDatanode(1)
    for (let i = 0; i < 6; i += 1) {
      await storage.put(key(`${i}`), text('x'), quietIo)
      expect(await storage.get(key(`${i}`), quietIo)).toEqual(text('x'))
    }
  })
})
