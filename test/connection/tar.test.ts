import { spawnSync } from 'node:child_process'
import { lstat, mkdir, readFile, readlink, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeTar, encodeTar, type TarEntry } from '../../src/connection/tar.ts'
import { bytesOf, errorOf, listOf, temporaryFolder } from './support.ts'

const mtimeNs = 1_700_000_000_123_456_789n
const common = { mode: 0o640, mtimeNs, user: 'root', group: 'root' } as const

async function* pieces(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

function fileEntry(path: Uint8Array, content: Uint8Array): TarEntry {
  return { ...common, path, type: 'file', sizeBytes: content.length, content: pieces(content) }
}

const names = [
  Buffer.from('plain'),
  Buffer.from('new\nline'),
  Buffer.from([0x61, 0xff, 0xfe]),
  Buffer.from('-dash'),
  Buffer.from('n'.repeat(255)),
  Buffer.from('n'.repeat(100)),
  Buffer.from('n'.repeat(101)),
  Buffer.from(`${'deep/'.repeat(60)}file`),
  Buffer.from(' lead and trail '),
]

/** Archive entries with their content read, in order. */
async function decoded(archive: AsyncIterable<Uint8Array>) {
  const list: { path: string; type: string; text: string; mtimeNs: bigint; target: string }[] = []
  for await (const { path, type, content, target, ...entry } of decodeTar(archive)) {
    list.push({
      path: Buffer.from(path).toString('latin1'),
      type,
      text: (await bytesOf(content)).toString(),
      mtimeNs: entry.mtimeNs,
      target: Buffer.from(target ?? []).toString('latin1'),
    })
  }
  return list
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function tar(words: readonly string[], input?: Buffer) {
  const env = { ...process.env, LC_ALL: 'C' }
  return spawnSync('tar', words, { input, env, maxBuffer: 1 << 28 })
}

describe('tar', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeAll(async () => {
    folder = await temporaryFolder()
  })
  afterAll(() => folder.remove())

  it('writes what GNU tar unpacks: odd names, links, modes, nanoseconds', async () => {
    const out = join(folder.path, 'unpacked')
    await mkdir(out)
    const target = Buffer.from(`${'t'.repeat(200)}\n\xff`, 'latin1')
    const entries: TarEntry[] = [
      ...names.map((name, index) => fileEntry(name, Buffer.from(`content ${index}`))),
      { ...common, path: Buffer.from('dir'), type: 'directory', sizeBytes: 0, mode: 0o2750 },
      { ...common, path: Buffer.from('link'), type: 'symlink', sizeBytes: 0, target },
      { ...fileEntry(Buffer.from('old'), Buffer.alloc(0)), mtimeNs: -1_500_000_000n },
      {
        ...fileEntry(Buffer.from('u'.repeat(120)), Buffer.alloc(0)),
        user: 'u'.repeat(40),
        uid: 12,
        gid: 13,
        group: '',
      },
    ]
    const archive = await bytesOf(encodeTar(entries))
    const { status, stderr } = tar(['-xpf', '-', '-C', out, '--warning=no-timestamp'], archive)
    expect([stderr.toString(), status]).toEqual(['', 0])
    const path = (name: Uint8Array) => Buffer.concat([Buffer.from(`${out}/`), name])
    for (const [index, name] of names.entries()) {
      expect((await readFile(path(name))).toString()).toBe(`content ${index}`)
      const stats = await lstat(path(name), { bigint: true })
      expect([stats.mtimeNs, stats.mode & 0o7777n]).toEqual([mtimeNs, 0o640n])
    }
    const dir = await lstat(`${out}/dir`, { bigint: true })
    expect([dir.mtimeNs, dir.mode & 0o7777n]).toEqual([mtimeNs, 0o2750n])
    expect((await readlink(`${out}/link`, 'buffer')).equals(target)).toBe(true)
    expect((await lstat(`${out}/old`, { bigint: true })).mtimeNs).toBe(-1_500_000_000n)
    expect((await lstat(`${out}/link`, { bigint: true })).mtimeNs).toBe(mtimeNs)
  })

  it.each(['gnu', 'posix', 'ustar'])('reads what GNU tar writes in format %s', async format => {
    const root = join(folder.path, format)
    await mkdir(join(root, 'deep'.repeat(20), 'deeper'.repeat(15)), { recursive: true })
    const long = join('deep'.repeat(20), 'deeper'.repeat(15), 'file')
    await writeFile(join(root, long), 'long')
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x0a])]), 'odd')
    await writeFile(join(root, 'big'), Buffer.alloc(1_000_000, 'x'))
    await symlink('some/where', join(root, 'link'))
    await utimes(join(root, 'big'), 1_700_000_000, 1_700_000_000)
    const { stdout, status } = tar(['-C', root, `--format=${format}`, '-cf', '-', '.'])
    expect(status).toBe(0)
    for (const size of [stdout.length, 511, 7919]) {
      const list = await decoded(inPieces(stdout, size))
      expect(list.find(entry => entry.path === `./${long}`)?.text).toBe('long')
      expect(list.find(entry => entry.path === './\xff\n')?.text).toBe('odd')
      expect(list.find(entry => entry.path === './link')).toMatchObject({
        type: 'symlink',
        target: 'some/where',
      })
      const big = list.find(entry => entry.path === './big')
      expect([big?.text.length, big?.mtimeNs]).toEqual([1_000_000, 1_700_000_000_000_000_000n])
    }
  })

  it('gives back what it wrote', async () => {
    const byte = fc.integer({ min: 1, max: 255 })
    const name = fc.array(byte, { minLength: 1, maxLength: 400 }).map(list => Uint8Array.from(list))
    const entry = fc.record({
      path: name,
      content: fc.uint8Array({ maxLength: 2000 }),
      mtimeNs: fc.bigInt({ min: -(10n ** 18n), max: 4n * 10n ** 18n }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), async entries => {
        const written = entries.map(e => ({ ...fileEntry(e.path, e.content), mtimeNs: e.mtimeNs }))
        const archive = await bytesOf(encodeTar(written))
        const list: unknown[] = []
        for await (const read of decodeTar(inPieces(archive, 1000))) {
          list.push([[...read.path], [...(await bytesOf(read.content))], read.mtimeNs])
        }
        expect(list).toEqual(entries.map(e => [[...e.path], [...e.content], e.mtimeNs]))
      }),
      { numRuns: 50 },
    )
  })

  it('writes sizes beyond 8 GiB as GNU tar reads them', async () => {
    const sizeBytes = 9 * 2 ** 30
    const chunk = new Uint8Array(1024)
    const endless = (async function* () {
      for (;;) yield chunk
    })()
    const big = { ...fileEntry(Buffer.from('big'), chunk), sizeBytes, content: endless }
    const archive = encodeTar([big])
    const head: Uint8Array[] = []
    for await (const bytes of archive) {
      head.push(Buffer.from(bytes))
      if (head.length === 4) break
    }
    const { stdout } = tar(['-tvf', '-'], Buffer.concat(head))
    expect(stdout.toString()).toContain(String(sizeBytes))
    for await (const entry of decodeTar(pieces(...head))) {
      expect(entry.sizeBytes).toBe(sizeBytes)
      break
    }
  })

  it('skips what the reader leaves unread', async () => {
    const archive = encodeTar(names.map(name => fileEntry(name, Buffer.alloc(3000, 'x'))))
    const entries = await listOf(decodeTar(archive))
    expect(entries.map(entry => Buffer.from(entry.path).toString('latin1'))).toEqual(
      names.map(name => name.toString('latin1')),
    )
  })

  it('takes every cut and every flipped header byte for an error', async () => {
    const whole = await bytesOf(
      encodeTar([fileEntry(Buffer.from('n'.repeat(120)), Buffer.from('abc'))]),
    )
    for (let length = 0; length <= whole.length - 1024; length += 100) {
      expect((await errorOf(decoded(pieces(whole.subarray(0, length))))).code).toBe(
        'command.failed',
      )
    }
    for (const at of [0, 100, 124, 136, 156, 257]) {
      const flipped = Buffer.from(whole)
      flipped[at] = (flipped[at] ?? 0) ^ 0x04
      expect((await errorOf(decoded(pieces(flipped)))).message).toContain('broken')
    }
    const followed = Buffer.concat([whole, Buffer.from('more')])
    expect((await errorOf(decoded(pieces(followed)))).message).toContain('follows its end')
  })

  it('refuses content that is not as long as it said', async () => {
    for (const content of ['ab', 'abcd']) {
      const lying = {
        ...fileEntry(Buffer.from('x'), Buffer.from('abc')),
        content: pieces(Buffer.from(content)),
      }
      expect((await errorOf(bytesOf(encodeTar([lying])))).code).toBe('internal')
    }
  })
})
