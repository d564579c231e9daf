import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts'
import { key } from '../../src/storage/key.ts'
import { storageContract } from '../contracts/storage.ts'

const made: string[] = []
async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bkp-file-'))
  made.push(directory)
  return directory
}
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true })
})

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
}

storageContract('file', async () => {
  const directory = join(await folder(), 'made', 'by it')
  return {
    storage: createFileStorage({ directory }),
    leftovers: () => filesBelow(directory),
  }
})

/** Fails a call with an errno; the n-th one where a number is given. */
function failing(
  call: 'write' | 'sync' | 'link' | 'rename' | 'mkdir' | 'open',
  errno: string,
  nth = 1,
): FileSystem {
  let calls = 0
  const maybeFail = (name: string): void => {
    if (name !== call) return
    calls += 1
    if (calls === nth) throw Object.assign(new Error(`${errno}: injected`), { code: errno })
  }
  return {
    ...nodeFileSystem,
    link: async (...args) => {
      maybeFail('link')
      await nodeFileSystem.link(...args)
    },
    rename: async (...args) => {
      maybeFail('rename')
      await nodeFileSystem.rename(...args)
    },
    open: async (...args) => {
      maybeFail('open')
      const handle = await nodeFileSystem.open(...args)
      return new Proxy(handle, {
        get: (target, property) => {
          const value: unknown = Reflect.get(target, property)
          if (typeof value !== 'function') return value
          return (...inner: unknown[]) => {
            try {
              maybeFail(String(property))
            } catch (error) {
              return Promise.reject(error)
            }
            return Reflect.apply(value, target, inner)
          }
        },
      })
    },
  }
}

const bytes = new TextEncoder().encode('content')
const block = key(`data/${'ab'.repeat(32)}`)

describe('a file storage', () => {
  it('fans blocks out on disk and keeps the key', async () => {
    const directory = await folder()
    const storage = createFileStorage({ directory })
    await storage.put(block, bytes, quietIo)
    await storage.put(key(`${block}.3`), bytes, quietIo)
    expect([...(await filesBelow(directory))].sort()).toEqual([
      `data/ab/${'ab'.repeat(32)}`,
      `data/ab/${'ab'.repeat(32)}.3`,
    ])
  })

  it('reads a repository copied from elsewhere, whose blocks are not fanned out', async () => {
    const directory = await folder()
    const storage = createFileStorage({ directory })
    const other = key(`data/${'ab'.repeat(31)}00`)
    await storage.put(other, bytes, quietIo)
    await writeFile(join(directory, block), bytes)
    expect(await storage.get(block, quietIo)).toEqual(bytes)
    const listed: string[] = []
    for await (const info of storage.list('data/', quietIo)) listed.push(info.key)
    expect(listed).toEqual([other, block])
    expect(await storage.putIfAbsent(block, bytes, quietIo)).toBe('exists')
    expect(await storage.delete([block], quietIo)).toEqual([])
    await expect(storage.get(block, quietIo)).rejects.toMatchObject({ code: 'storage.not_found' })
  })

  it('creates files that only this user can read', async () => {
    const directory = await folder()
    await createFileStorage({ directory }).put(key('manifests/x'), bytes, quietIo)
    expect((await stat(join(directory, 'manifests/x'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory, 'manifests'))).mode & 0o777).toBe(0o700)
  })

  it('lists neither unfinished files nor names that are no keys', async () => {
    const directory = await folder()
    const storage = createFileStorage({ directory })
    await storage.put(key('a/b'), bytes, quietIo)
    await writeFile(join(directory, 'a', '.tmp-123'), 'unfinished')
    await writeFile(join(directory, 'a', 'new\nline'), 'x')
    await symlink('/etc/passwd', join(directory, 'a', 'link'))
    const listed: string[] = []
    for await (const info of storage.list('', quietIo)) listed.push(info.key)
    expect(listed).toEqual(['a/b'])
    await writeFile(join(directory, '.tmp-456'), 'unfinished')
    const foreign: string[] = []
    const all = storage.listAll?.('a/', quietIo, ({ name }) => foreign.push(name)) ?? []
    for await (const info of all) expect(info.key).toBe('a/b')
    expect(foreign.sort()).toEqual(['a/.tmp-123', 'a/link', 'a/new\nline'])
    await expect(storage.get(key('a/link'), quietIo)).rejects.toMatchObject({
      code: 'storage.failed',
    })
  })

  it('says what is in the way of an object', async () => {
    const directory = await folder()
    const storage = createFileStorage({ directory })
    await mkdir(join(directory, 'a'))
    await expect(storage.put(key('a'), bytes, quietIo)).rejects.toMatchObject({
      code: 'storage.failed',
    })
    await writeFile(join(directory, 'f'), 'x')
    await expect(storage.put(key('f/x'), bytes, quietIo)).rejects.toMatchObject({
      code: 'storage.failed',
    })
  })

  const faults: readonly (readonly [Parameters<typeof failing>[0], string, string])[] = [
    ['write', 'ENOSPC', 'storage.no_space'],
    ['write', 'EDQUOT', 'storage.no_space'],
    ['sync', 'EIO', 'storage.failed'],
    ['link', 'EPERM', 'storage.failed'],
    ['open', 'EACCES', 'storage.failed'],
    ['open', 'EMFILE', 'storage.failed'],
  ]
  for (const [call, errno, code] of faults) {
    it(`fails cleanly when ${call} says ${errno}, at whichever call`, async () => {
      let failures = 0
      for (let nth = 1; ; nth += 1) {
        const directory = await folder()
        const whole = createFileStorage({ directory })
        await whole.put(key('old'), bytes, quietIo)
        const broken = createFileStorage({ directory, fs: failing(call, errno, nth) })
        const outcome = await broken.putIfAbsent(key('m/new'), bytes, quietIo).catch(error => error)
        if (outcome === 'created') break
        failures += 1
        expect(outcome).toBeInstanceOf(BkpError)
        expect(outcome).toMatchObject({ code })
        // Absent or whole, the old object untouched, and nothing unfinished left behind.
        const names = [...(await filesBelow(directory))].sort()
        expect([['old'], ['m/new', 'old']]).toContainEqual(names)
        expect(['created', 'exists']).toContain(
          await whole.putIfAbsent(key('m/new'), bytes, quietIo),
        )
        expect(await whole.get(key('m/new'), quietIo)).toEqual(bytes)
        expect(await whole.get(key('old'), quietIo)).toEqual(bytes)
      }
      expect(failures).toBeGreaterThan(0)
    })
  }

  it('counts a file whose sync failed as lost: it never gets its name', async () => {
    const directory = await folder()
    await mkdir(join(directory, 'm'))
    // Syncs 1 and 2 are of the folders, 3 is of the file.
    const outcomes: string[][] = []
    for (let nth = 1; nth <= 4; nth += 1) {
      const storage = createFileStorage({ directory, fs: failing('sync', 'EIO', nth) })
      await expect(storage.put(key('m/a'), bytes, quietIo)).rejects.toThrow()
      outcomes.push([...(await filesBelow(directory))])
      if (outcomes.at(-1)?.length !== 0) break
    }
    // Only the very last sync, that of the folder after the rename, may fail with the name there.
    expect(outcomes.at(-1)).toEqual(['m/a'])
    expect(outcomes.slice(0, -1).every(names => names.length === 0)).toBe(true)
    expect(outcomes.length).toBeGreaterThan(1)
  })

  it('syncs a folder for many at once, and for each of them after its name was made', async () => {
    const directory = await folder()
    const events: string[] = []
    const below = join(directory, 'm')
    const fs: FileSystem = {
      ...nodeFileSystem,
      rename: async (from, to) => {
        await nodeFileSystem.rename(from, to)
        events.push(`named ${to}`)
      },
      open: (async (path: string, flags: string, mode?: number) => {
        const handle = await nodeFileSystem.open(path, flags, mode)
        if (path !== below) return handle
        const sync = handle.sync.bind(handle)
        handle.sync = async () => {
          events.push('begins')
          await sync()
          events.push('ends')
        }
        return handle
      }) as FileSystem['open'],
    }
    const storage = createFileStorage({ directory, fs })
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        await storage.put(key(`m/${i}`), bytes, quietIo)
        const named = events.indexOf(`named ${join(below, String(i))}`)
        const begins = events.indexOf('begins', named)
        expect(begins).toBeGreaterThan(named)
        expect(events.indexOf('ends', begins)).toBeGreaterThan(begins)
      }),
    )
    expect(events.filter(event => event === 'begins').length).toBeLessThan(20)
  })
})
