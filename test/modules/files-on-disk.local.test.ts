import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { copy } from '../../src/modules/builtin/copy.ts'
import { applyCopy } from '../../src/modules/builtin/copying/apply-copy.ts'
import { questions } from '../../src/modules/builtin/copying/request.ts'
import { file } from '../../src/modules/builtin/file.ts'
import { stat } from '../../src/modules/builtin/stat.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn, expectConverges, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'
import { shellHost } from './shell-host.ts'

const host = shellHost()
const files = hostModule(anyModule(file))
const copies = hostModule(anyModule(copy))
const stats = hostModule(anyModule(stat))

let folder = ''
beforeEach(() => {
  // A name with everything that quoting must survive.
  folder = join(mkdtempSync(join(tmpdir(), 'bkp-modules-')), "a 'b' $c\n-d")
  mkdirSync(folder)
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const modeOf = (name: string): string => (statSync(at(name)).mode & 0o7777).toString(8)

describe('file', () => {
  it('makes a folder and those above it, with the mode on each', async () => {
    const result = await expectConverges(host, files, {
      path: at('x/y/z'),
      state: 'directory',
      mode: '2750',
    })
    expect([modeOf('x'), modeOf('x/y/z')]).toEqual(['2750', '2750'])
    expect(result).toMatchObject({ path: at('x/y/z'), state: 'directory', mode: '2750' })
  })

  it('takes setgid away from a folder', async () => {
    mkdirSync(at('x'))
    await applyOn(host, files, { path: at('x'), mode: '2755' })
    expect(modeOf('x')).toBe('2755')
    await expectConverges(host, files, { path: at('x'), mode: '0755' })
    expect(modeOf('x')).toBe('755')
  })

  it('touches an empty file', async () => {
    const args = { path: at('-x'), state: 'touch', mode: '0600' }
    const result = await applyOn(host, files, args)
    expect(result).toMatchObject({ state: 'file', size: 0, mode: '0600' })
    const kept = { ...args, access_time: 'preserve', modification_time: 'preserve' }
    expect(await planOn(host, files, kept)).toMatchObject({ kind: 'unchanged' })
  })

  it('gives a mode to everything below, and leaves links alone', async () => {
    mkdirSync(at('d/e'), { recursive: true })
    writeFileSync(at('d/e/f'), 'x', { mode: 0o644 })
    writeFileSync(at('outside'), 'x', { mode: 0o644 })
    symlinkSync(at('outside'), at('d/link'))
    await expectConverges(host, files, { path: at('d'), recurse: true, mode: '0700' })
    expect([modeOf('d'), modeOf('d/e'), modeOf('d/e/f')]).toEqual(['700', '700', '700'])
    expect(modeOf('outside')).toBe('644')
  })

  it('makes, moves and keeps a symlink', async () => {
    writeFileSync(at('a'), '')
    mkdirSync(at('b'))
    await expectConverges(host, files, { path: at('l'), src: 'b', state: 'link' })
    // The link leads to a folder now: the new link must replace it, not land in that folder.
    await expectConverges(host, files, { path: at('l'), src: 'a', state: 'link' })
    expect(readlinkSync(at('l'))).toBe('a')
    expect(readdirSync(at('b'))).toEqual([])
  })

  it('makes a hard link', async () => {
    writeFileSync(at('a'), 'x')
    await expectConverges(host, files, { path: at('h'), src: at('a'), state: 'hard' })
    expect(statSync(at('h')).ino).toBe(statSync(at('a')).ino)
  })

  it('does not replace a folder that holds something, whatever is forced', async () => {
    mkdirSync(at('full/inside'), { recursive: true })
    const args = { path: at('full'), src: 'x', state: 'link', force: true }
    await expect(applyOn(host, files, args)).rejects.toMatchObject({
      code: 'step.failed',
      message: `${at('full')} is a folder that is not empty`,
    })
    expect(readdirSync(at('full'))).toEqual(['inside'])
  })

  it('replaces a symlink to a folder by a hard link, and puts nothing into the folder', async () => {
    mkdirSync(at('folder'))
    writeFileSync(at('one'), 'x')
    symlinkSync('folder', at('two'))
    const args = { path: at('two'), src: at('one'), state: 'hard', force: true }
    await expectConverges(host, files, args)
    expect(readdirSync(at('folder'))).toEqual([])
  })

  it('makes nothing below a file, or below a symlink that leads to no folder', async () => {
    writeFileSync(at('plain'), 'x')
    symlinkSync('nowhere', at('dangling'))
    for (const [name, why] of [
      ['plain', 'is no folder'],
      ['dangling', 'is a symlink that leads to no folder'],
    ] as const) {
      const args = { path: at(`${name}/new/in`), state: 'directory' }
      await expect(planOn(host, files, args)).rejects.toThrow(`${at(name)} ${why}`)
    }
  })

  it('makes no link that leads to itself, straight or through another', async () => {
    writeFileSync(at('file'), 'x')
    symlinkSync('file', at('link'))
    for (const src of ['file', 'link']) {
      const args = { path: at('file'), src, state: 'link', force: true }
      await expect(planOn(host, files, args)).rejects.toThrow(
        'would be a link that leads to itself',
      )
    }
  })

  it('touches what a symlink leads to, and foretells that the symlink stays one', async () => {
    symlinkSync('later', at('link'))
    const args = { path: at('link'), state: 'touch' }
    const decision = await planOn(host, files, args)
    expect(decision).toMatchObject({ kind: 'change', after: { followed: { kind: 'file' } } })
    expect(decision.kind === 'change' && 'file' in decision.after).toBe(false)
    await applyOn(host, files, args)
    expect(readdirSync(folder).sort()).toEqual(['later', 'link'])
  })

  it('removes a tree, but not what a link in it leads to', async () => {
    mkdirSync(at('d'))
    mkdirSync(at('kept'))
    writeFileSync(at('kept/x'), 'x')
    symlinkSync(at('kept'), at('d/link'))
    await expectConverges(host, files, { path: at('d'), state: 'absent' })
    expect(readdirSync(at('kept'))).toEqual(['x'])
    symlinkSync(at('kept'), at('link'))
    await expectConverges(host, files, { path: `${at('link')}/`, state: 'absent' })
    expect(readdirSync(at('kept'))).toEqual(['x'])
  })
})

describe('copy', () => {
  it('writes a file, and again when its content differs', async () => {
    const first = await expectConverges(host, copies, { dest: at('f'), content: 'one\n' })
    expect(first).toMatchObject({ dest: at('f'), state: 'file', mode: '0644', size: 4 })
    await applyOn(host, files, { path: at('f'), mode: '0600' })
    const second = await expectConverges(host, copies, {
      dest: at('f'),
      content: 'two\n',
      backup: true,
    })
    expect(readFileSync(at('f'), 'utf8')).toBe('two\n')
    expect(modeOf('f')).toBe('600')
    expect(readFileSync(String(second['backup_file']), 'utf8')).toBe('one\n')
  })

  it('keeps what each of several writes of one second replaces', async () => {
    const now = new Date('2026-11-22T10:15:00.500Z')
    const write = async (content: string): Promise<unknown> => {
      const args = { dest: at('f'), content, backup: true }
      const facts = await host.ask(questions(args), quietIo)
      const done = await applyCopy(host, { args, facts }, quietIo, {
        ...systemClock,
        now: () => now,
      })
      return done.backup_file
    }
    expect(await write('one\n')).toBeUndefined()
    const kept = [await write('two\n'), await write('three\n'), await write('four\n')]
    expect(kept).toEqual(['', '-1', '-2'].map(next => at(`f.20261122_101500${next}~`)))
    const texts = kept.map(path => readFileSync(String(path), 'utf8'))
    expect(texts).toEqual(['one\n', 'two\n', 'three\n'])
  })

  it('shows what would change, and writes nothing while planning', async () => {
    writeFileSync(at('f'), 'one\n')
    const decision = await planOn(host, copies, { dest: at('f'), content: 'two\n' })
    expect(decision).toMatchObject({ changes: [{ diff: { before: 'one\n', after: 'two\n' } }] })
    expect(readFileSync(at('f'), 'utf8')).toBe('one\n')
  })

  it('puts a file of the controller into a folder, making it where dest ends with a slash', async () => {
    const local = [{ path: 'files/my.cnf', bytes: Buffer.from([0, 255, 10]) }]
    const args = { dest: `${at('new')}/`, src: 'files/my.cnf', directory_mode: '0700' }
    const result = await expectConverges(host, copies, args, local)
    expect(result['dest']).toBe(at('new/my.cnf'))
    expect(readFileSync(at('new/my.cnf'))).toEqual(Buffer.from([0, 255, 10]))
    expect(modeOf('new')).toBe('700')
    const plain = await planOn(host, copies, { dest: at('new'), src: 'files/my.cnf' }, local)
    expect(plain).toMatchObject({ kind: 'unchanged' })
  })

  it('replaces a symlink and not what it leads to', async () => {
    writeFileSync(at('other'), 'theirs')
    symlinkSync('other', at('l'))
    await expectConverges(host, copies, { dest: at('l'), content: 'ours' })
    expect(lstatSync(at('l')).isFile()).toBe(true)
    expect(readFileSync(at('other'), 'utf8')).toBe('theirs')
  })

  it('foretells what stat sees afterwards', async () => {
    const args = { dest: at('f'), content: 'one\n', mode: '0640' }
    const decision = await planOn(host, copies, args)
    await applyOn(host, copies, args)
    const facts = await host.ask(copies.inspect(args as never), { ...quiet })
    expect(decision).toMatchObject({ kind: 'change' })
    if (decision.kind !== 'change') return
    const { digest, content } = decision.after
    expect({ digest, content }).toEqual({ digest: facts['digest'], content: facts['content'] })
  })
})

const quiet = { signal: new AbortController().signal, progress: () => {} }

describe('stat', () => {
  it('looks at a link and through it', async () => {
    writeFileSync(at('f'), 'hello', { mode: 0o644 })
    symlinkSync('f', at('l'))
    const link = await applyOn(host, stats, { path: at('l') })
    expect(link['stat']).toMatchObject({ exists: true, islnk: true, lnk_target: 'f' })
    const target = await applyOn(host, stats, { path: at('l'), follow: true })
    expect(target['stat']).toMatchObject({ isreg: true, islnk: false, size: 5, mode: '0644' })
    const plain = await applyOn(host, stats, { path: at('f') })
    expect(plain['stat']).toMatchObject({
      checksum: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      mtime: expect.closeTo(Date.now() / 1000, -2),
    })
  })
})
