import { createHash } from 'node:crypto'
import {
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { Answers, Probes } from '../../src/connection/contract.ts'
import { probeParts } from '../../src/connection/probes/internals.ts'
import * as probes from '../../src/connection/probes.ts'
import { bytesOf, errorOf, listOf, shellHost, temporaryFolder } from './support.ts'

const here = shellHost()
const { host } = here
let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (path: string) => join(folder.path, path)
const ask = <P extends Probes>(asked: P): Promise<Answers<P>> => host.ask(asked, quietIo)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

beforeAll(async () => {
  folder = await temporaryFolder()
  await writeFile(at('file'), 'hello', { mode: 0o640 })
  await link(at('file'), at('hard'))
  await symlink('file', at('link'))
  await mkdir(at('dir'), { mode: 0o2755 })
})
afterAll(async () => {
  await here.close()
  await folder.remove()
})

/** A program's stand-in, first in the PATH of a host of its own. */
async function hostWith(program: string, text: string) {
  const bin = at(`bin-${program}`)
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, program), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return shellHost({ env: { PATH: `${bin}:${process.env['PATH']}` } })
}

describe('probes', () => {
  it('file says what lstat says', async () => {
    const { f, l, d, odd, tty } = await ask({
      f: probes.file(at('file')),
      l: probes.file(at('link')),
      d: probes.file(at('dir')),
      odd: probes.file(Buffer.from(`${folder.path}/\xff\n`, 'latin1')),
      tty: probes.file('/dev/null'),
    })
    const stats = await lstat(at('file'), { bigint: true })
    expect(f).toEqual({
      kind: 'file',
      sizeBytes: 5,
      mode: '0640',
      user: 'root',
      group: 'root',
      uid: 0,
      gid: 0,
      mtimeNs: String(stats.mtimeNs),
      inode: String(stats.ino),
      hardLinks: 2,
    })
    expect(l).toMatchObject({ kind: 'symlink', target: 'file' })
    expect(d).toMatchObject({ kind: 'directory' })
    expect(odd).toEqual({ kind: 'absent' })
    expect(tty).toMatchObject({ kind: 'other' })
  })

  it('sha256 is of regular files only', async () => {
    const names = ['file', 'link', 'dir', 'none']
    const answers = await Promise.all(names.map(name => ask({ h: probes.sha256(at(name)) })))
    const hello = sha256(Buffer.from('hello'))
    expect(answers.map(({ h }) => h)).toEqual([hello, undefined, undefined, undefined])
  })

  it('content ends at its limit', async () => {
    const {
      all,
      some,
      link: followed,
      none,
    } = await ask({
      all: probes.content(at('file'), 5),
      some: probes.content(at('file'), 4),
      link: probes.content(at('link'), 9),
      none: probes.content(at('none'), 9),
    })
    expect([all?.bytes.length, all?.truncated]).toEqual([5, false])
    expect([some?.bytes.length, some?.truncated]).toEqual([4, true])
    expect(Buffer.from(followed?.bytes ?? []).toString()).toBe('hello')
    expect(none).toBeUndefined()
  })

  it('exists takes globs, and nothing else for one', async () => {
    await symlink('nowhere', at('dangling'))
    await writeFile(at('a b$c'), '')
    const found = await ask({
      plain: probes.exists(at('file')),
      glob: probes.exists(at('f[a-z]l?')),
      dangling: probes.exists(at('dang*')),
      quoted: probes.exists(at('a b$?')),
      none: probes.exists(at('*.none')),
      literal: probes.exists(at('{file,link}')),
    })
    expect(found).toEqual({
      plain: true,
      glob: true,
      dangling: true,
      quoted: true,
      none: false,
      literal: false,
    })
  })

  it('conditionCommand and output run read-only text and words', async () => {
    const { yes, cd, no, out, missing, many } = await ask({
      yes: probes.conditionCommand(`[ "$(echo 'a b')" = 'a b' ]`),
      cd: probes.conditionCommand('[ -f file ]', { cwd: folder.path }),
      no: probes.conditionCommand('exit 1'),
      out: probes.output('sh', '-c', 'printf out; echo err >&2; exit 7'),
      missing: probes.output('no-such-program'),
      many: probes.tools('sh', 'no-such-program', 'tar'),
    })
    expect([yes, cd, no]).toEqual([true, true, false])
    expect(out).toEqual({ code: 7, stdout: 'out', stderr: 'err\n' })
    expect(missing.code).toBe(127)
    expect(many).toEqual({ sh: true, 'no-such-program': false, tar: true })
  })

  it('a probe that reads stdin reads nothing of the next probe', async () => {
    const answers = await ask({ a: probes.output('cat'), b: probes.output('echo', 'b') })
    expect([answers.a.stdout, answers.b.stdout]).toEqual(['', 'b\n'])
  })

  it('a probe that exits ends only itself', async () => {
    expect(
      await ask({ a: probes.conditionCommand('kill -9 $$'), b: probes.succeeds('true') }),
    ).toEqual({ a: false, b: true })
  })

  it('freeSpace asks the nearest folder that is there', async () => {
    const { deep, proc } = await ask({
      deep: probes.freeSpace(at('not/there/yet')),
      proc: probes.freeSpace('/proc/none'),
    })
    expect(deep.availableBytes).toBeGreaterThan(0)
    expect(deep.writable).toBe(true)
    expect(deep.device).toBe(String((await lstat(folder.path)).dev))
    expect(proc.mountPoint).toBe('/proc')
  })

  it('mountPoint tells mounts from folders', async () => {
    const answers = await ask({
      root: probes.mountPoint('/'),
      proc: probes.mountPoint('/proc/'),
      folder: probes.mountPoint(folder.path),
      file: probes.mountPoint(at('file')),
      none: probes.mountPoint(at('none')),
    })
    expect(answers).toEqual({ root: true, proc: true, folder: false, file: false, none: false })
  })

  it('have equal identities exactly for equal questions', () => {
    expect(probes.file('/a').identity).toBe(probes.file('/a').identity)
    const others = [
      probes.file('/a'),
      probes.file('/b'),
      probes.sha256('/a'),
      probes.content('/a', 1),
      probes.file(Buffer.from('/a\xff', 'latin1')),
      probes.file(Buffer.from('/a\xfe', 'latin1')),
    ]
    expect(new Set(others.map(probe => probe.identity)).size).toBe(others.length)
  })

  it('cannot be made elsewhere', async () => {
    const forged = { identity: 'rm -rf /' } as unknown as ReturnType<typeof probes.succeeds>
    expect(() => probeParts(forged)).toThrow(expect.objectContaining({ code: 'internal' }))
    const sources = await readdir('src', { recursive: true })
    const outside = sources.filter(name => name.endsWith('.ts') && !name.startsWith('connection/'))
    for (const name of outside) {
      expect(await readFile(join('src', name), 'utf8'), name).not.toMatch(/connection\/probes\//)
    }
  })
})

describe('scans', () => {
  it('hashBlocks counts what it hashed', async () => {
    const data = Buffer.from(Array.from({ length: 2_500_000 }, (_, index) => index % 251))
    await writeFile(at('data'), data)
    const files = [
      { path: at('data'), sizeBytes: data.length },
      { path: at('file'), sizeBytes: 0 },
      { path: at('file'), sizeBytes: 2_000_000 },
    ]
    const blocks = await listOf(
      host.scan(probes.hashBlocks({ files, blockBytes: 1 << 20 }), quietIo),
    )
    const piece = (n: number) => data.subarray(n << 20, (n + 1) << 20)
    const empty = sha256(Buffer.alloc(0))
    expect(blocks).toEqual([
      ...[0, 1, 2].map(n => ({
        file: 0,
        block: n,
        sha256: sha256(piece(n)),
        lengthBytes: piece(n).length,
      })),
      { file: 2, block: 0, sha256: sha256(Buffer.from('hello')), lengthBytes: 5 },
      { file: 2, block: 1, sha256: empty, lengthBytes: 0 },
    ])
    const odd = probes.hashBlocks({
      files: [{ path: at('data'), sizeBytes: data.length }],
      blockBytes: 999_999,
    })
    expect((await listOf(host.scan(odd, quietIo))).map(block => block.lengthBytes)).toEqual([
      999_999, 999_999, 500_002,
    ])
  })

  it('hashBlocks names the file that fails', async () => {
    const files = [{ path: at('gone'), sizeBytes: 1 }]
    const error = await errorOf(
      listOf(host.scan(probes.hashBlocks({ files, blockBytes: 1 << 20 }), quietIo)),
    )
    expect([error.code, error.message]).toEqual([
      'file.unreadable',
      expect.stringContaining('gone'),
    ])
  })

  it('packFiles answers for what is gone, of another size, or no file', async () => {
    const files = [
      { path: 'none', sizeBytes: 1 },
      { path: 'file', sizeBytes: 5 },
      { path: 'file', sizeBytes: 6 },
      { path: 'hard' },
      { path: 'link' },
      { path: 'dir' },
      { path: 'none2' },
    ]
    const records = await listOf(host.scan(probes.packFiles({ root: folder.path, files }), quietIo))
    expect(
      records.map(record =>
        'bytes' in record ? Buffer.from(record.bytes).toString() : record.error.code,
      ),
    ).toEqual([
      'file.unreadable',
      'hello',
      'file.unreadable',
      'hello',
      'file.unreadable',
      'file.unreadable',
      'file.unreadable',
    ])
    const noRoot = probes.packFiles({ root: at('none'), files: [{ path: 'x' }] })
    expect((await errorOf(listOf(host.scan(noRoot, quietIo)))).code).toBe('file.unreadable')
  })

  it('packFiles does not believe a tar that fails, or that prints less', async () => {
    for (const lie of [
      'exit 2',
      'echo "tar: x: Read error" >&2; /usr/bin/tar "$@"; exit 1',
      '/usr/bin/tar "$@" | head -c 700; exit 0',
    ]) {
      const fake = `case $* in *--version*) exec /usr/bin/tar "$@";; esac\n${lie}`
      const liar = await hostWith('tar', fake)
      const scan = probes.packFiles({
        root: folder.path,
        files: [{ path: 'file' }, { path: 'data' }],
      })
      expect((await errorOf(listOf(liar.host.scan(scan, quietIo)))).code).toBe('command.failed')
      await liar.close()
    }
  })

  it('walkTree is no shorter than it says: a find that stops early is an error', async () => {
    for (const lie of [
      '/usr/bin/find "$@" | head -c 300',
      '/usr/bin/find "$@"; exit 1',
      'kill -9 $$',
    ]) {
      const liar = await hostWith('find', lie)
      const error = await errorOf(
        listOf(liar.host.scan(probes.walkTree({ root: folder.path }), quietIo)),
      )
      expect(['file.unreadable', 'command.failed']).toContain(error.code)
      await liar.close()
    }
  })

  it('walkTree tells owners as statFiles does, of whomever the root is', async () => {
    await mkdir(at('owned'), { recursive: true })
    await writeFile(at('owned/mine'), '')
    await writeFile(at('owned/theirs'), '')
    // Only root can give files away; for others all owners are their own.
    if (process.getuid?.() === 0) await chown(at('owned/theirs'), 1, 65432)
    for (const owner of [undefined, 1, 65431]) {
      const root = at('owned')
      if (owner !== undefined && process.getuid?.() === 0) await chown(root, owner, owner)
      const walked = await listOf(host.scan(probes.walkTree({ root }), quietIo))
      const paths = walked.map(({ path }) => path)
      const looked = await listOf(host.scan(probes.statFiles({ root, paths }), quietIo))
      expect(walked.length).toBeGreaterThan(2)
      expect(looked.map(({ entry }) => entry)).toEqual(walked)
    }
  })

  it('walkTree follows a root that is a symlink, and only that', async () => {
    await mkdir(at('tree/sub'), { recursive: true })
    await symlink('sub', at('tree/inner'))
    await symlink('tree', at('root'))
    for (const root of [at('root'), `${at('tree')}//`]) {
      const entries = await listOf(host.scan(probes.walkTree({ root }), quietIo))
      const shown = entries.map(entry => `${entry.type} ${Buffer.from(entry.path)}`).sort()
      expect(shown).toEqual(['directory ', 'directory sub', 'symlink inner'])
    }
    const single = await listOf(host.scan(probes.walkTree({ root: at('file') }), quietIo))
    expect(single.map(entry => [entry.type, entry.path.length, entry.hardLinks])).toEqual([
      ['file', 0, 2],
    ])
  })

  it('statFiles answers in the order asked, for what is gone, too', async () => {
    await writeFile(at('vanishing'), '')
    await rm(at('vanishing'))
    const paths = ['file', 'vanishing', 'hard', 'file/below', 'link', '']
    const records = await listOf(host.scan(probes.statFiles({ root: folder.path, paths }), quietIo))
    expect(records.map(({ index, entry }) => [index, entry?.type])).toEqual([
      [0, 'file'],
      [1, undefined],
      [2, 'file'],
      [3, undefined],
      [4, 'symlink'],
      [5, 'directory'],
    ])
  })
})

describe('read through a shell', () => {
  it('does not take a short stream for the file, though its program exits 0', async () => {
    const liar = await hostWith('cat', 'head -c 2 "$@"')
    const error = await errorOf(bytesOf(liar.host.read(at('file'), quietIo)))
    expect([error.code, error.message]).toEqual([
      'file.unreadable',
      expect.stringContaining('after 2 of 5'),
    ])
    await liar.close()
  })

  it('does not replace a file by one that did not arrive whole', async () => {
    const liar = await hostWith('cat', 'head -c 2')
    await writeFile(at('kept'), 'old')
    const error = await errorOf(
      liar.host.write(
        at('kept'),
        (async function* () {
          yield Buffer.from('newer')
        })(),
        { mode: '0600' },
        quietIo,
      ),
    )
    expect([error.code, error.message]).toEqual([
      'file.unwritable',
      expect.stringContaining('not all bytes'),
    ])
    expect(await readFile(at('kept'), 'utf8')).toBe('old')
    await liar.close()
  })
})
