import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { askDownloading } from '../../../src/repository/restore/direct/choose.ts'
import type { DirectWay } from '../../../src/repository/restore/direct/fetch.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { createRetrier } from '../../../src/storage/retry.ts'
import { type NotedWindows, noteWindows } from '../planes/noted-windows.ts'
import { startTransferServer, type TransferServer } from '../planes/transfers-server.ts'
import { keysBelow } from '../support.ts'
import { makeRestoreScene, type RestoreScene } from './scene.ts'
import { makeOddTree, snapshot } from './tree.ts'

let server: TransferServer
let storage: Storage
let scene: RestoreScene
let windows: NotedWindows
/** What the server says in place of an object. */
let answers: (
  path: string,
  request: number,
) => { status: number; body?: Buffer } | 'broken off' | undefined
/** Objects that were asked for by their URLs. */
const asked = (): readonly string[] => server.seen.map(({ path }) => path)

const policy = { firstPauseMs: 1, longestPauseMs: 1, deadlineMs: 60_000, attemptsUnanswered: 2 }

async function directly(host: Host): Promise<DirectWay> {
  const ability = await askDownloading(host, storage, quietIo)
  if ('unable' in ability) throw new Error(ability.unable)
  const retrier = createRetrier({ clock: systemClock, random: systemRandom, policy })
  return { ability, presign: async ({ key: name }) => server.presigned(`/${name}`), retrier }
}

/** Of the host's own memory: they go a moment after what they were for. */
const nothingLeft = (): Promise<void> =>
  expect.poll(() => windows.left(), { timeout: 20_000 }).toEqual([])

beforeEach(async () => {
  answers = () => undefined
  storage = createMemoryStorage()
  server = await startTransferServer(async ({ path }, response) => {
    const told = answers(path, server.seen.length)
    if (told === 'broken off') response.destroy()
    else if (told !== undefined) {
      response.writeHead(told.status).end(told.body)
    }
    if (told !== undefined) return
    const bytes = await storage.get(key(path.slice(1)), quietIo).catch(() => undefined)
    if (bytes === undefined) response.writeHead(404).end()
    else response.end(bytes)
  })
  windows = noteWindows()
  scene = makeRestoreScene(['here'], storage, { direct: directly, host: windows.note })
})
afterEach(async () => {
  await scene.close()
  await server.stop()
})

/** A folder of the scene with such files. */
function tree(files: Readonly<Record<string, Buffer | string>>): string {
  const folder = join(scene.folder, 'data')
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const elsewhere = (): string => join(scene.folder, 'restored')
const mebibyte = 1024 * 1024

describe('a host that gets blocks by itself', () => {
  it('brings an odd tree back, byte for byte, with nothing left in its memory', async () => {
    const source = join(scene.folder, 'data "dir"')
    makeOddTree(source)
    writeFileSync(join(source, 'of blocks'), randomBytes(20 * mebibyte + 17))
    writeFileSync(join(source, 'block'), randomBytes(8 * mebibyte))
    await scene.backUp([{ path: source, as: 'odd' }])
    await scene.swap(await scene.stage({ pathMap: { odd: elsewhere() } }))
    expect(snapshot(elsewhere())).toEqual(snapshot(source))
    expect(windows.all().length).toBeGreaterThan(0)
    await nothingLeft()
    expect(asked().length).toBeGreaterThan(4)
  })

  it('restores a root that is a file, small or large', async () => {
    for (const [index, size] of [100, 9 * mebibyte].entries()) {
      const folder = tree({ [`file ${index}`]: randomBytes(size) })
      const source = join(folder, `file ${index}`)
      await scene.backUp([{ path: source, as: 'one' }])
      const target = `${elsewhere()} ${index}`
      await scene.swap(await scene.stage({ pathMap: { one: target } }, `${index}`))
      expect(snapshot(target)).toEqual(snapshot(source))
    }
  })

  it('fetches each block of small files once, however files of several backups mix', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `file-${String(index).padStart(2, '0')}`)
    const folder = tree(Object.fromEntries(names.map(name => [name, randomBytes(1000)])))
    await scene.backUp([{ path: folder, as: 'small' }])
    for (let backup = 0; backup < 9; backup += 1) {
      // Every pack has files between those of all others.
      for (const [index, name] of names.entries()) {
        if (index % 10 === backup) writeFileSync(join(folder, name), randomBytes(1000 + backup))
      }
      await scene.backUp([{ path: folder, as: 'small' }])
    }
    await scene.swap(await scene.stage({ pathMap: { small: elsewhere() } }))
    expect(snapshot(elsewhere())).toEqual(snapshot(folder))
    expect(asked().length).toBeGreaterThan(5)
    expect(new Set(asked()).size).toBe(asked().length)
  })

  it('fetches only what the live tree does not have, and writes through no hard link', async () => {
    const folder = tree({ same: randomBytes(2 * mebibyte), other: randomBytes(9 * mebibyte) })
    await scene.backUp([{ path: folder, immutable: true }])
    const before = snapshot(folder)
    const inode = statSync(join(folder, 'same')).ino
    linkSync(join(folder, 'other'), join(scene.folder, 'link'))
    appendFileSync(join(folder, 'other'), 'x')
    const live = readFileSync(join(scene.folder, 'link'))
    await scene.swap(await scene.stage())
    expect(snapshot(folder)).toEqual(before)
    expect(statSync(join(folder, 'same')).ino).toBe(inode)
    expect(readFileSync(join(scene.folder, 'link')).equals(live)).toBe(true)
    expect(asked()).toHaveLength(2)
  })

  it('shares no file that only looks like the one that was backed up', async () => {
    const folder = tree({ MANIFEST: 'as it was' })
    await scene.backUp([{ path: folder, immutable: true }])
    const live = join(folder, 'MANIFEST')
    // As a checkpoint copies a MANIFEST that is written to later: the same size and time, another file.
    execFileSync('cp', ['-p', live, `${live}.new`])
    renameSync(`${live}.new`, live)
    writeFileSync(join(folder, 'more'), '')
    const staged = await scene.stage()
    appendFileSync(live, ', and more')
    await scene.swap(staged)
    expect(readFileSync(live, 'utf8')).toBe('as it was')
  })

  it('gets zeros that are many blocks of one name', async () => {
    const folder = tree({ zeros: Buffer.alloc(30 * mebibyte), more: Buffer.alloc(17 * mebibyte) })
    await scene.backUp([{ path: folder, as: 'zeros' }])
    await scene.swap(await scene.stage({ pathMap: { zeros: elsewhere() } }))
    expect(snapshot(elsewhere())).toEqual(snapshot(folder))
  })

  it('tries again where the server was busy or broke off', async () => {
    const folder = tree({ large: randomBytes(9 * mebibyte), small: 'x' })
    await scene.backUp([{ path: folder, as: 'a' }])
    answers = (_, request) => (request <= 3 ? { status: 503 } : undefined)
    await scene.swap(await scene.stage({ pathMap: { a: elsewhere() } }))
    expect(snapshot(elsewhere())).toEqual(snapshot(folder))
  })

  it('comes through this process where the storage cannot be reached after all', async () => {
    const folder = tree({ large: randomBytes(17 * mebibyte), small: 'x' })
    await scene.backUp([{ path: folder, as: 'a' }])
    answers = (_, request) => (request > 2 ? 'broken off' : undefined)
    const staged = await scene.stage({ pathMap: { a: elsewhere() } })
    await scene.swap(staged)
    expect(snapshot(elsewhere())).toEqual(snapshot(folder))
    expect(scene.warnings).toEqual([expect.stringMatching(/^here: block .* came through bkp$/)])
    expect(scene.warnings.join()).not.toContain('canary')
    await nothingLeft()
  })

  const large = (): Buffer => randomBytes(9 * mebibyte)
  const packed = (): Buffer => randomBytes(5000)
  it.each([
    ['a flipped byte of a large file', 'repository.block_corrupt', flip, large],
    ['a flipped byte of a pack', 'repository.block_corrupt', flip, packed],
    ['a block cut short', 'repository.block_corrupt', cut, packed],
    ['a block that is longer', 'repository.block_corrupt', lengthen, packed],
    ['no such block', 'repository.block_missing', gone, packed],
    ['a refusal', 'storage.failed', refuse, packed],
  ] as const)(
    '%s: %s before the swap, and no staged file is left',
    async (_, code, harm, content) => {
      const folder = tree({ 'the file': content() })
      await scene.backUp([{ path: folder }])
      const before = snapshot(folder)
      appendFileSync(join(folder, 'the file'), 'so it has to be fetched')
      const changed = snapshot(folder)
      await harm()
      const failure = await scene.stage().catch(error => error)
      expect(failure).toMatchObject({ code })
      if (code.startsWith('repository')) expect(failure.message).toContain('the file')
      expect(failure.message).not.toContain('canary')
      expect(snapshot(folder)).toEqual(changed)
      expect(readdirSync(scene.folder).filter(name => name.startsWith('.bkp-'))).toEqual([])
      await nothingLeft()
      // The same without the harm: it was that.
      answers = () => undefined
      if (code === 'storage.failed') {
        await scene.swap(await scene.stage({}, 'again'))
        expect(snapshot(folder)).toEqual(before)
      }
    },
  )

  it('a file that is not what the manifest says of its range is refused', async () => {
    const folder = tree({ a: 'first', b: 'second' })
    await scene.backUp([{ path: folder, as: 'a' }])
    const way = await directly(scene.hosts[0] as Host)
    const lying: Host = {
      ...(scene.hosts[0] as Host),
      run: async (command, io) => {
        const exit = await (scene.hosts[0] as Host).run(command, io)
        const { stdin } = command
        const told = stdin instanceof Object && 'reveal' in stdin ? stdin.reveal() : ''
        const [, output] = /range = "5-10"\noutput = "(.*)"/.exec(told) ?? []
        // As if curl had taken another range.
        if (output !== undefined) writeFileSync(output, 'sEcond')
        return exit
      },
    }
    const other = makeRestoreScene(['here'], storage, {
      direct: async () => way,
      host: () => lying,
    })
    try {
      const failure = other.stage({ pathMap: { a: elsewhere() } })
      await expect(failure).rejects.toMatchObject({ code: 'repository.block_corrupt' })
      expect(existsSync(elsewhere())).toBe(false)
    } finally {
      await other.close()
    }
  })
})

async function blocks(): Promise<readonly string[]> {
  return await keysBelow(storage, 'data/')
}

async function replaceAll(make: (bytes: Buffer) => Buffer): Promise<void> {
  const names = await blocks()
  const bytes = new Map<string, Buffer>()
  for (const name of names)
    bytes.set(`/${name}`, Buffer.from(await storage.get(key(name), quietIo)))
  answers = path => {
    const found = bytes.get(path)
    return found === undefined ? undefined : { status: 200, body: make(Buffer.from(found)) }
  }
}

async function flip(): Promise<void> {
  await replaceAll(bytes => {
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    return bytes
  })
}

async function cut(): Promise<void> {
  await replaceAll(bytes => bytes.subarray(0, -1))
}

async function lengthen(): Promise<void> {
  await replaceAll(bytes => Buffer.concat([bytes, Buffer.from('x')]))
}

async function gone(): Promise<void> {
  answers = () => ({ status: 404 })
}

async function refuse(): Promise<void> {
  answers = () => ({ status: 403, body: Buffer.from('<Code>AccessDenied</Code>') })
}
