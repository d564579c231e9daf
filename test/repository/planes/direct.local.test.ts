import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { formatGeometry } from '../../../src/repository/geometry.ts'
import { makeOddTree } from '../restore/tree.ts'
import {
  type DirectScene,
  makeDirectScene,
  startUrlStorage,
  sumsBelow,
  type UrlStorage,
} from './direct-scene.ts'

const mebibyte = 1024 * 1024
/** Blocks of this test: the same code, an eighth of the bytes. */
const block = mebibyte
const geometry = { ...formatGeometry, blockBytes: block, packedBelowBytes: block / 8 }
let target: UrlStorage
let scene: DirectScene
let data: string

beforeEach(async () => {
  target = await startUrlStorage()
  scene = makeDirectScene(target.storage, { geometry })
  data = join(scene.folder, 'data')
  mkdirSync(data)
})
afterEach(async () => {
  expect(scene.windows()).toEqual([])
  await scene.close()
  await target.server.stop()
})

/** Blocks that hosts sent. */
const sent = (): readonly string[] =>
  target.server.seen.filter(({ method }) => method === 'PUT').map(({ path }) => path)
/** Blocks that went through this process; lists of entries are sent from here in any case. */
const relayed = (): readonly string[] => target.puts.filter(name => name.startsWith('data/'))

describe('a host that sends blocks by itself', () => {
  it('stores an odd tree, small, large and empty, which comes back byte for byte', async () => {
    makeOddTree(data)
    const large = randomBytes(block * 3 + 17)
    writeFileSync(join(data, 'of blocks'), large)
    writeFileSync(join(data, 'one block'), randomBytes(block))
    writeFileSync(join(data, 'zeros'), Buffer.alloc(block * 5))
    const result = await scene.backUp(data)
    expect(result.warnings).toEqual([])
    expect(await scene.contents()).toEqual(sumsBelow(data))
    // Its blocks, once each: a pack, 4 of the largest, one of zeros, those of the others.
    expect(sent().length).toBe(1 + 4 + 1 + 1 + 3)
    expect(new Set(sent()).size).toBe(sent().length)
    // The block list alone.
    expect(relayed().length).toBe(1)
    expect(result.new_bytes).toBeGreaterThan(large.length)
  })

  it('sends nothing of what is unchanged or was only touched, and of the rest what is new', async () => {
    writeFileSync(join(data, 'large'), Buffer.alloc(block * 4, 'abc'))
    const content = randomBytes(block * 6)
    writeFileSync(join(data, 'changing'), content)
    for (let index = 0; index < 50; index += 1) {
      writeFileSync(join(data, `small ${index}`), randomBytes(100 + index))
    }
    await scene.backUp(data)
    const before = sent().length
    content[block * 3] = (content[block * 3] ?? 0) ^ 1
    writeFileSync(join(data, 'changing'), content)
    utimesSync(join(data, 'small 1'), 1, 1)
    utimesSync(join(data, 'large'), 1, 1)
    writeFileSync(join(data, 'small 2'), 'other')
    const result = await scene.backUp(data)
    expect(result.warnings).toEqual([])
    // One block of the large file, and a pack of one small file.
    expect(sent().length - before).toBe(2)
    expect(result.reused_bytes).toBeGreaterThan(block * 9)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('packs in the order of paths, no more than a block at a time', async () => {
    mkdirSync(join(data, 'dir'))
    for (let index = 0; index < 1100; index += 1) {
      writeFileSync(join(data, 'dir', `f${String(index).padStart(5, '0')}`), `${index}`)
    }
    for (let index = 0; index < 12; index += 1) {
      writeFileSync(join(data, `nearly ${index}`), randomBytes(125_000))
    }
    const result = await scene.backUp(data)
    expect(result.warnings).toEqual([])
    expect(sent().length).toBe(2)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('takes a root that is a file, or a link to one', async () => {
    for (const size of [100, block + 5]) {
      const file = join(data, `${size}`)
      writeFileSync(file, randomBytes(size))
      symlinkSync(file, join(data, `link ${size}`))
      const before = sent().length
      expect((await scene.backUp(join(data, `link ${size}`))).warnings).toEqual([])
      expect(sent().length - before).toBe(Math.ceil(size / block))
      expect(Object.values(await scene.contents())).toEqual([sumsBelow(data)[`${size}`]])
    }
  })

  it('keeps to its share of the bandwidth, however many files go at the same time', async () => {
    const told: string[] = []
    const limited = makeDirectScene(target.storage, {
      geometry,
      names: ['one', 'two'],
      asHost: host => ({
        ...host,
        run: async (command, io) => {
          const { stdin } = command
          if (command.argv[0] === 'curl' && stdin instanceof Secret) told.push(stdin.reveal())
          return await host.run(command, io)
        },
      }),
    })
    writeFileSync(join(data, 'large'), randomBytes(block * 5))
    const total = 4 * 1024 * mebibyte
    const bandwidth = { totalBytesPerSecond: total, hostBytesPerSecond: total / 4 }
    await limited.backUp(data, 'direct', { bandwidth })
    await limited.close()
    expect(told.length).toBeGreaterThan(1)
    for (const config of told) {
      const limits = [...config.matchAll(/^limit-rate = (\d+)$/gm)].map(([, rate]) => Number(rate))
      expect(limits.length).toBeGreaterThan(0)
      // Two such runs at a time.
      expect(limits.reduce((sum, rate) => sum + rate, 0)).toBeLessThanOrEqual(total / 4 / 2)
    }
  })

  it('gives a server that checks MD5 alone that sum', async () => {
    target.checks = 'md5'
    writeFileSync(join(data, 'large'), randomBytes(block + 1))
    writeFileSync(join(data, 'small'), 'x')
    expect((await scene.backUp(data)).warnings).toEqual([])
    expect(target.server.seen.filter(({ headers }) => headers['x-sum']).length).toBe(3)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('checks what a server that checks no sums holds by its size', async () => {
    target.checks = 'none'
    writeFileSync(join(data, 'large'), randomBytes(block + 1))
    expect((await scene.backUp(data)).warnings).toEqual([])
    expect(sent().length).toBe(2)
    expect(await scene.contents()).toEqual(sumsBelow(data))
    target.keep = body => body.subarray(1)
    writeFileSync(join(data, 'large'), randomBytes(mebibyte))
    const { warnings } = await scene.backUp(data)
    expect(warnings.join()).toContain(`the storage holds ${mebibyte - 1} of ${mebibyte} bytes`)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })
})

describe('when a host cannot send something after all', () => {
  it('is given new URLs, and what still fails goes through bkp, with the reason', async () => {
    const urls = new Map<string, number>()
    target.refuse = ({ path }) => {
      urls.set(path, (urls.get(path) ?? 0) + 1)
      return urls.get(path) === 1 ? 403 : undefined
    }
    writeFileSync(join(data, 'large'), randomBytes(block * 2))
    const first = await scene.backUp(data)
    expect(first.warnings).toEqual([])
    expect([...urls.values()]).toEqual([2, 2])

    const [second] = [...urls.keys()]
    target.refuse = ({ path }) => (path === second || urls.has(path) ? undefined : 403)
    writeFileSync(join(data, 'other'), randomBytes(block + 1))
    const puts = relayed().length
    const { warnings } = await scene.backUp(data)
    expect(warnings).toEqual([
      expect.stringMatching(/^here: 2 blocks \(1\.0 MiB\) went through bkp, not directly: .*403/),
    ])
    expect(relayed().length - puts).toBeGreaterThanOrEqual(2)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('never shows what a URL is signed with', async () => {
    target.refuse = () => 403
    writeFileSync(join(data, 'large'), randomBytes(mebibyte))
    const { warnings } = await scene.backUp(data)
    expect(warnings.join()).toContain('403')
    expect(warnings.join()).not.toContain('canary')
  })

  it('reads what changed, vanished or may not be read as on the other planes', async () => {
    const names = ['a', 'b', 'c', 'd']
    for (const name of names) writeFileSync(join(data, name), `content of ${name}`)
    for (const plane of ['direct', 'relay'] as const) {
      let scans = 0
      const change = (): void => {
        appendFileSync(join(data, 'b'), 'x')
        rmSync(join(data, 'c'), { force: true })
      }
      const changing = makeDirectScene(target.storage, {
        geometry,
        asHost: host => ({
          ...host,
          run: async (command, io) => {
            change()
            return await host.run(command, io)
          },
          scan: (scan, io) => {
            scans += 1
            // The first one walks.
            if (scans % 2 === 0) change()
            return host.scan(scan, io)
          },
        }),
      })
      try {
        writeFileSync(join(data, 'b'), 'content of b')
        writeFileSync(join(data, 'c'), 'content of c')
        scans = 0
        await expect(changing.backUp(data, plane)).rejects.toMatchObject({
          code: 'repository.source_changed',
        })
        writeFileSync(join(data, 'b'), 'content of b')
        writeFileSync(join(data, 'c'), 'content of c')
        scans = 0
        const options = { changedFiles: 'warn', parent: 'none' } as const
        const { warnings, files } = await changing.backUp(data, plane, options)
        expect(warnings.length, plane).toBe(2)
        expect(warnings.join(), plane).toContain('data/b grew')
        expect(warnings.join(), plane).toContain('data/c vanished')
        // What grew is kept as it was read, where all of it was.
        expect(files, plane).toBe(plane === 'direct' ? 3 : 2)
      } finally {
        await changing.close()
      }
    }
  })

  it('fails when a large file is not what it was', async () => {
    writeFileSync(join(data, 'large'), randomBytes(block * 3))
    const shrinking = makeDirectScene(target.storage, {
      geometry,
      asHost: host => ({
        ...host,
        run: async (command, io) => {
          writeFileSync(join(data, 'large'), randomBytes(block + 100))
          return await host.run(command, io)
        },
      }),
    })
    await expect(shrinking.backUp(data)).rejects.toMatchObject({
      code: 'repository.source_changed',
      message: expect.stringContaining('large shrank'),
    })
    writeFileSync(join(data, 'large'), randomBytes(block * 3))
    const { warnings, bytes } = await shrinking.backUp(data, 'direct', { changedFiles: 'warn' })
    expect(warnings.length).toBe(1)
    expect(bytes).toBe(block + 100)
    await shrinking.close()
  })

  it('leaves nothing behind when it is cancelled', async () => {
    writeFileSync(join(data, 'large'), randomBytes(block * 6))
    const stop = new AbortController()
    let held: readonly string[] = []
    target.refuse = () => {
      held = [...held, ...scene.windows()]
      stop.abort(new Error('enough'))
      return undefined
    }
    const io = { signal: stop.signal, progress: () => {} }
    await expect(scene.backUp(data, 'direct', {}, io)).rejects.toThrow()
    expect(held.length).toBeGreaterThan(0)
    expect(held[0]).toMatch(/^\/dev\/shm\/bkp-/)
    expect(scene.windows()).toEqual([])
  })
})

describe('hosts without this and that', () => {
  /** A host whose shells find only these programs. */
  const withPath = (path: string): DirectScene =>
    makeDirectScene(target.storage, {
      geometry,
      asHost: host => ({
        ...host,
        ask: host.ask,
        run: (command, io) => host.run({ ...command, env: { ...command.env, PATH: path } }, io),
      }),
    })

  it('packs with busybox, which has no tar of GNU', async () => {
    const bin = join(scene.folder, 'bin')
    mkdirSync(bin)
    for (const name of [
      'dd',
      'xargs',
      'stat',
      'wc',
      'sed',
      'cat',
      'rm',
      'mkdir',
      'tar',
      'grep',
      'sh',
      'tr',
      'sha256sum',
    ]) {
      symlinkSync('/usr/bin/busybox', join(bin, name))
    }
    for (const name of ['curl', 'openssl', 'setsid'])
      symlinkSync(`/usr/bin/${name}`, join(bin, name))
    makeOddTree(data)
    writeFileSync(join(data, 'of blocks'), randomBytes(block + 17))
    const busy = withPath(bin)
    expect((await busy.backUp(data)).warnings).toEqual([])
    await busy.close()
    expect(relayed().length).toBe(1)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('takes a disk where there is no room in memory, and goes through bkp where there is none', async () => {
    writeFileSync(join(data, 'large'), randomBytes(block + 17))
    writeFileSync(join(data, 'small'), 'x')
    const withRoom = (rooms: Readonly<Record<string, number>>): DirectScene =>
      makeDirectScene(target.storage, {
        geometry,
        asHost: host => ({
          ...host,
          ask: async (probes, io) => {
            const answers: Record<string, unknown> = { ...(await host.ask(probes, io)) }
            for (const [name, availableBytes] of Object.entries(rooms)) {
              answers[name] = { ...(answers[name] as object), availableBytes }
            }
            return answers as never
          },
          run: async (command, io) => {
            held.push(...used.windows())
            return await host.run(command, io)
          },
        }),
      })
    const held: string[] = []
    let used = withRoom({ shm: 4 * mebibyte })
    expect((await used.backUp(data)).warnings).toEqual([])
    await used.close()
    expect(new Set(held.map(path => path.slice(0, 9)))).toEqual(new Set(['/tmp/bkp-']))
    used = withRoom({ shm: 0, tmp: mebibyte, varTmp: mebibyte })
    // Nothing is copied: blocks go through a pipe, and small files through bkp.
    writeFileSync(join(data, 'small'), 'other')
    writeFileSync(join(data, 'new\nlarge'), randomBytes(block * 5 + 1))
    const before = sent().length
    const { warnings } = await used.backUp(data)
    expect(warnings).toEqual([
      'here: 1 block (5 B) went through bkp, not directly: here has no 4.0 MiB of room in /dev/shm, /tmp, /var/tmp',
    ])
    expect(sent().length - before).toBe(6)
    expect(used.windows()).toEqual([])
    await used.close()
    expect(await scene.contents()).toEqual(sumsBelow(data))

    // What was hashed is not what is there: the server does not take it, and neither does bkp.
    let runs = 0
    const changing = makeDirectScene(target.storage, {
      geometry,
      asHost: host => ({
        ...host,
        ask: async (probes, io) => {
          const answers: Record<string, unknown> = { ...(await host.ask(probes, io)) }
          for (const name of ['shm', 'tmp', 'varTmp']) {
            answers[name] = { ...(answers[name] as object), availableBytes: 0 }
          }
          return answers as never
        },
        run: async (command, io) => {
          runs += 1
          if (runs === 2) writeFileSync(join(data, 'other'), Buffer.alloc(mebibyte, 'y'))
          return await host.run(command, io)
        },
      }),
    })
    writeFileSync(join(data, 'other'), Buffer.alloc(mebibyte, 'x'))
    await expect(changing.backUp(data)).rejects.toMatchObject({
      code: 'repository.source_changed',
    })
    await changing.close()
  })

  it('goes through bkp where the window is lost, and says so', async () => {
    const bin = join(scene.folder, 'bin')
    mkdirSync(bin)
    writeFileSync(
      join(bin, 'dd'),
      '#!/bin/sh\necho "dd: error writing: No space left on device" >&2\nexit 1\n',
    )
    writeFileSync(join(bin, 'tar'), '#!/bin/sh\necho GNU tar\nexit 2\n')
    for (const name of ['dd', 'tar']) chmodSync(join(bin, name), 0o755)
    writeFileSync(join(data, 'large'), randomBytes(block + 17))
    writeFileSync(join(data, 'small'), 'x')
    const full = withPath(`${bin}:/usr/bin:/bin`)
    const { warnings } = await full.backUp(data)
    await full.close()
    expect(warnings.join('\n')).toContain('its window is full')
    expect(warnings.join('\n')).toContain('small files could not be packed')
    expect(sent()).toEqual([])
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })
})
