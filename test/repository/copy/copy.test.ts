import { toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { listBackups, resolveBackup } from '../../../src/repository/catalogue.ts'
import { commitManifest } from '../../../src/repository/commit.ts'
import { initialiseRepository } from '../../../src/repository/initialise.ts'
import { decodeManifest, encodeManifest, tombstone } from '../../../src/repository/manifest.ts'
import { BackupManifestSchema } from '../../../src/repository/manifest_pb.ts'
import { manifestKey } from '../../../src/repository/names.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import { announce } from '../../../src/repository/session.ts'
import type { Key, Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { faultyStorage } from '../../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  memoryHost,
  quietIo,
  restoredTree,
  testClock,
  testRandom,
} from '../support.ts'
import { copy, expectCopies, sourceOf } from './support.ts'

const cluster = { name: 'demo', kind: 'files' }

async function manifestIn(storage: Storage, name: string) {
  return decodeManifest(await storage.get(manifestKey(name), quietIo), name)
}

describe('a copy into another repository', () => {
  it('holds all complete backups with what they say, oldest first', async () => {
    const source = await sourceOf()
    const to = createMemoryStorage('to')
    const begun: string[] = []
    const result = await copy(source.storage, to, { begin: name => begun.push(name) })
    const names = [...source.trees.keys()]
    expect(begun).toEqual(names)
    expect(result).toMatchObject({ present: [], failed: [], warnings: [] })
    expect(result.copied.map(({ name, as }) => [name, as])).toEqual(names.map(name => [name, name]))
    expect(await expectCopies(to, source)).toEqual(names.map(name => `${name} complete`))
    const from = await openRepository(source.storage, quietIo)
    for (const name of names) {
      const [before, after] = [await manifestIn(source.storage, name), await manifestIn(to, name)]
      const { session: _, totals: __, copiedFrom, recoveryKit, ...meta } = after.backupMeta ?? {}
      expect(before.backupMeta).toMatchObject(meta)
      expect(copiedFrom).toMatchObject({
        repository: from.id,
        name,
        session: before.backupMeta?.session,
      })
      expect(recoveryKit?.length).toBe(1)
      for (const { blockId } of recoveryKit ?? []) {
        expect(await keysBelow(to, `data/${blockId}`)).toHaveLength(1)
      }
    }
  })

  it('finds what was copied before, and sends nothing', async () => {
    const source = await sourceOf()
    const to = createMemoryStorage('to')
    await copy(source.storage, to)
    const [again, back] = [faultyStorage(to), faultyStorage(source.storage)]
    const result = await copy(back.storage, again.storage)
    expect(result.copied).toEqual([])
    expect(result.present.map(({ name, as }) => [name, as])).toEqual(
      [...source.trees.keys()].map(name => [name, name]),
    )
    for (const { log } of [again, back]) expect(log.join('\n')).not.toMatch(/^put/m)
  })

  it('knows a backup by where it was taken, however often it was copied', async () => {
    const source = await sourceOf()
    const [second, third] = [createMemoryStorage('second'), createMemoryStorage('third')]
    await copy(source.storage, second)
    await copy(second, third)
    for (const [from, to] of [
      [source.storage, third],
      [third, source.storage],
      [second, source.storage],
    ] as const) {
      expect((await copy(from, to)).copied).toEqual([])
    }
    await expectCopies(third, source)
  })

  it('sends what is lacking only', async () => {
    const source = await sourceOf()
    const to = createMemoryStorage('to')
    const names = [...source.trees.keys()]
    const first = await copy(source.storage, to, { backup: names[0] ?? '' })
    const faulty = faultyStorage(to)
    const rest = await copy(source.storage, faulty.storage)
    expect(rest.present).toHaveLength(1)
    // `large1` and the lists that name it.
    expect(rest.copied[0]?.new_bytes).toBeLessThan((first.copied[0]?.new_bytes ?? 0) / 2)
    const sent = faulty.log.filter(line => line.startsWith('put data/'))
    expect(new Set(sent).size).toBe(sent.length)
    expect(await expectCopies(to, source)).toHaveLength(3)
  })

  it('takes the next free second where its name is taken, and latest stays the newest', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    const to = createMemoryStorage('to')
    const host = memoryHost('db1')
    const clock = testClock()
    const taken: string[] = []
    for (let i = 0; i < 2; i += 1) {
      host.set('f', `${i}`)
      taken.push((await backUp(backupOptions(to, [host], { clock }), quietIo)).backup)
      clock.advance(1000)
    }
    expect(taken[0]).toBe(name)
    const { copied } = await copy(source.storage, to)
    expect(copied[0]?.as).toBe('20250114_201502')
    const repo = await openRepository(to, quietIo)
    for (const query of [{ backup: 'latest' }, { backup: 'latest', cluster }]) {
      expect((await resolveBackup(repo, query, quietIo)).name).toBe(taken[1])
    }
    const { backups } = await listBackups(repo, quietIo)
    expect(backups.map(backup => backup.name)).toEqual([taken[0], '20250114_201502', taken[1]])
    expect(await restoredTree(repo, '20250114_201502', 'db1')).toEqual(source.trees.get(name))
  })

  it('calls its parent by the name that has there', async () => {
    const source = await sourceOf('source', 2)
    const [first = '', second = ''] = source.trees.keys()
    const to = createMemoryStorage('to')
    await backUp(backupOptions(to, [memoryHost('db9')]), quietIo)
    const { copied } = await copy(source.storage, to)
    expect(copied.map(({ as }) => as)).toEqual(['20250114_201501', second])
    expect((await manifestIn(source.storage, second)).backupMeta?.parent).toBe(first)
    expect((await manifestIn(to, second)).backupMeta?.parent).toBe('20250114_201501')
  })

  it('names blocks as they are called there', async () => {
    const source = await sourceOf()
    const to = createMemoryStorage('to')
    await initialiseRepository(to, testRandom('to'), quietIo)
    await to.put(key('gc/1/plan'), Buffer.from('{"format":1}\nend 0\n'), quietIo)
    await to.put(key('gc/1/closed'), Buffer.from('{}\n'), quietIo)
    await copy(source.storage, to)
    for (const name of await keysBelow(to, 'data/')) expect(name).toMatch(/\.1$/)
    await expectCopies(to, source)
  })

  it('stores anew what an open vacuum condemned', async () => {
    const source = await sourceOf()
    const names = [...source.trees.keys()]
    const to = createMemoryStorage('to')
    await copy(source.storage, to, { backup: names[0] ?? '' })
    const condemned = (await keysBelow(to, 'data/')).map(name => name.slice(5))
    const lines = condemned.map(line => `${line}\n`).join('')
    const plan = `{"format":1}\n${lines}end ${condemned.length}\n`
    await to.put(key('gc/1/plan'), Buffer.from(plan), quietIo)
    // That a live backup names them is no reason: it may be forgotten before the seal.
    await copy(source.storage, to, { backup: names[1] ?? '' })
    await to.put(key(`forgotten/${names[0]}`), Buffer.from('{}\n'), quietIo)
    // As the vacuum does.
    await to.delete(
      condemned.map(name => key(`data/${name}`)),
      quietIo,
    )
    await to.delete([manifestKey(names[0] ?? '')], quietIo)
    expect(await expectCopies(to, source)).toContain(`${names[1]} complete`)
  })

  it('uses no block again that a vacuum may have swept since it was seen', async () => {
    const source = await sourceOf()
    const names = [...source.trees.keys()]
    const to = createMemoryStorage('to')
    // Before the second backup is begun, everything that the first left is swept, and the vacuum ends.
    const begin = (name: string): void => {
      if (name === names[1]) sweepAll = true
    }
    let sweepAll = false
    const sweeping: Storage = {
      ...to,
      putIfAbsent: async (target, bytes, io) => {
        if (sweepAll && target.startsWith('sessions/')) {
          sweepAll = false
          const swept = (await keysBelow(to, 'data/')) as Key[]
          await to.put(key('gc/1/plan'), Buffer.from('{"format":1}\nend 0\n'), io)
          await to.put(key(`forgotten/${names[0]}`), Buffer.from('{}\n'), io)
          await to.delete([...swept, manifestKey(names[0] ?? '')], io)
          await to.put(key('gc/1/closed'), Buffer.from('{}\n'), io)
        }
        return await to.putIfAbsent(target, bytes, io)
      },
    }
    await copy(source.storage, sweeping, { begin })
    expect(await expectCopies(to, source)).toEqual(names.slice(1).map(name => `${name} complete`))
  })

  it('tells which backup is damaged, and copies the others', async () => {
    const source = await sourceOf()
    const names = [...source.trees.keys()]
    const repo = await openRepository(source.storage, quietIo)
    const only = Buffer.alloc(200, 41)
    for (const name of await keysBelow(source.storage, 'data/')) {
      const bytes = await source.storage.get(name as Key, quietIo)
      if (!Buffer.from(bytes).equals(only)) continue
      await source.storage.put(
        name as Key,
        bytes.map(byte => byte ^ 1),
        quietIo,
      )
    }
    const to = createMemoryStorage('to')
    const { copied, failed } = await copy(source.storage, to)
    expect(copied.map(({ name }) => name)).toEqual([names[0], names[2]])
    expect(failed).toMatchObject([{ name: names[1], error: { code: 'repository.block_corrupt' } }])
    expect(failed[0]?.error.message).toContain('db1:/data/large1 cannot be copied')
    expect(await expectCopies(to, source)).toHaveLength(2)
    // Not even its session is left open.
    for (const session of await keysBelow(to, 'sessions/')) {
      expect(await keysBelow(to, `manifests/${session.slice(9)}`)).toHaveLength(1)
    }
    expect((await resolveBackup(repo, { backup: 'latest' }, quietIo)).name).toBe(names[2])
  })

  it('mends a copy that failed its verification', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    const to = createMemoryStorage('to')
    await copy(source.storage, to)
    const block = (await keysBelow(to, 'data/'))[0] as Key
    await to.delete([block], quietIo)
    const record = { time: '2025-01-20T00:00:00.000Z', result: 'failed' }
    await to.put(key(`checks/${name}/x`), Buffer.from(JSON.stringify(record)), quietIo)
    const { copied } = await copy(source.storage, to)
    expect(copied).toMatchObject([{ name, as: '20250114_201501' }])
    expect(await expectCopies(to, source)).toHaveLength(2)
    expect((await copy(source.storage, to)).copied).toEqual([])
  })

  it('keeps fields that this bkp does not know', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    const manifest = await manifestIn(source.storage, name)
    const field = { no: 127, wireType: 0, data: Uint8Array.of(5) }
    manifest.$unknown = [field]
    if (manifest.backupMeta !== undefined) manifest.backupMeta.$unknown = [field]
    await source.storage.put(manifestKey(name), encodeManifest(manifest, name), quietIo)
    const to = createMemoryStorage('to')
    await copy(source.storage, to)
    const copied = await manifestIn(to, name)
    expect(copied.$unknown).toEqual([field])
    expect(copied.backupMeta?.$unknown).toEqual([field])
  })

  it('ends where a vacuum revoked it', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    const to = createMemoryStorage('to')
    const revoking: Storage = {
      ...to,
      put: async (target, bytes, io) => {
        if (target.startsWith('data/')) await to.putIfAbsent(manifestKey(name), tombstone, io)
        await to.put(target, bytes, io)
      },
    }
    await expect(copy(source.storage, revoking)).rejects.toMatchObject({
      code: 'repository.session_revoked',
    })
    expect(await expectCopies(to, source)).toEqual([])
    expect((await copy(source.storage, to)).copied).toMatchObject([{ as: '20250114_201501' }])
  })

  it('takes another name where someone else commits under its own', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    const foreign = await sourceOf('foreign', 1)
    const bytes = await foreign.storage.get(manifestKey(name), quietIo)
    const to = createMemoryStorage('to')
    const racing: Storage = {
      ...to,
      putIfAbsent: async (target, own, io) => {
        if (target === manifestKey(name)) await to.putIfAbsent(target, bytes, io)
        return await to.putIfAbsent(target, own, io)
      },
    }
    const { copied } = await copy(source.storage, racing)
    expect(copied).toMatchObject([{ name, as: '20250114_201501' }])
    const repo = await openRepository(to, quietIo)
    expect(await restoredTree(repo, '20250114_201501', 'db1')).toEqual(source.trees.get(name))
  })

  it('pins what it copies, and lets go', async () => {
    const source = await sourceOf('source', 2)
    const to = createMemoryStorage('to')
    const pins: unknown[] = []
    const watched: Storage = {
      ...to,
      put: async (target, bytes, io) => {
        if (target.startsWith('data/')) {
          for (const session of await keysBelow(source.storage, 'sessions/20250201')) {
            const body = Buffer.from(await source.storage.get(session as Key, io)).toString()
            const register = await keysBelow(source.storage, `manifests/${session.slice(9)}`)
            pins.push({ pins: JSON.parse(body).pins, open: register.length === 0 })
          }
        }
        await to.put(target, bytes, io)
      },
    }
    await copy(source.storage, watched)
    expect(pins[0]).toEqual({ pins: [...source.trees.keys()], open: true })
    expect(new Set(pins.map(pin => JSON.stringify(pin))).size).toBe(1)
    const [session = ''] = await keysBelow(source.storage, 'sessions/20250201')
    const register = await source.storage.get(manifestKey(session.slice(9)), quietIo)
    expect(Buffer.from(register).equals(tombstone)).toBe(true)
  })

  it('goes without a pin where the source cannot be written, and says so', async () => {
    const source = await sourceOf('source', 1)
    const readOnly = faultyStorage(source.storage, {
      nth: 1,
      only: ['put', 'putIfAbsent'],
      when: 'before',
      repeat: 1000,
    })
    const to = createMemoryStorage('to')
    const { copied, warnings } = await copy(readOnly.storage, to)
    expect(copied).toHaveLength(1)
    expect(warnings.join()).toContain('do not vacuum it meanwhile')
    await expectCopies(to, source)
  })

  it('is refused into where the backups are, of what is partial, and of what is not there', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    await expect(copy(source.storage, source.storage)).rejects.toMatchObject({
      code: 'usage.invalid',
    })
    const to = createMemoryStorage('to')
    await expect(copy(source.storage, to, { backup: '20200101_000000' })).rejects.toMatchObject({
      code: 'repository.backup_not_found',
    })
    const partial = await manifestIn(source.storage, name)
    const repo = await openRepository(source.storage, quietIo)
    const tools = { clock: testClock('2025-01-20T00:00:00.000Z'), random: testRandom('partial') }
    const session = await announce(repo, { kind: 'checkpoint', source: 'x' }, tools, quietIo)
    const bytes = encodeManifest({ ...partial, state: 1 }, session.name)
    await commitManifest(repo, session, bytes, tools.clock, quietIo)
    await expect(copy(source.storage, to, { backup: session.name })).rejects.toMatchObject({
      code: 'usage.invalid',
    })
    expect((await copy(source.storage, to)).copied.map(copied => copied.name)).toEqual([name])
  })

  it('refuses a manifest whose origin is no name', async () => {
    const source = await sourceOf('source', 1)
    const [name = ''] = source.trees.keys()
    const to = createMemoryStorage('to')
    await copy(source.storage, to)
    const manifest = await manifestIn(to, name)
    const meta = manifest.backupMeta
    if (meta?.copiedFrom !== undefined) meta.copiedFrom.name = '../x'
    if (meta !== undefined) meta.toolVersion = ''
    manifest.checksum = new Uint8Array()
    expect(() => decodeManifest(toBinary(BackupManifestSchema, manifest), name)).toThrow(
      'copied_from.name is not the name of a backup',
    )
  })
})
