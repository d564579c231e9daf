import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mask, Secret } from '../../src/base/secret.ts'
import { lineinfile } from '../../src/modules/builtin/lineinfile.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn, expectConverges, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'
import { shellHost } from './shell-host.ts'

const host = shellHost()
const lines = hostModule(anyModule(lineinfile))

let folder = ''
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'bkp-lines-')), "a 'b' $c\n-d")
  mkdirSync(folder)
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const write = (text: string | Uint8Array) => writeFileSync(at('f'), text, { mode: 0o640 })
const read = () => readFileSync(at('f'), 'latin1')

/** What a change makes of a text; it is then made no second time. */
async function edited(text: string, args: object): Promise<string> {
  write(Buffer.from(text, 'latin1'))
  await expectConverges(host, lines, { path: at('f'), ...args })
  return read()
}

describe('a line that shall be there', () => {
  const text = 'a=1\nb=2\na=3\n'

  it.each<[string, object, string]>([
    ['at the end', { line: 'c=1' }, 'a=1\nb=2\na=3\nc=1\n'],
    ['in place of the last that matches', { regexp: '^a=', line: 'a=9' }, 'a=1\nb=2\na=9\n'],
    ['or of the first', { regexp: '^a=', line: 'a=9', firstmatch: true }, 'a=9\nb=2\na=3\n'],
    ['in place of one with a text', { search_string: 'b=', line: 'b=9' }, 'a=1\nb=9\na=3\n'],
    ['first of all', { insertbefore: 'BOF', line: 'c' }, 'c\na=1\nb=2\na=3\n'],
    ['after the last that matches', { insertafter: '^a', line: 'c' }, 'a=1\nb=2\na=3\nc\n'],
    ['or the first', { insertafter: '^a', line: 'c', firstmatch: true }, 'a=1\nc\nb=2\na=3\n'],
    ['before the last that matches', { insertbefore: '^a', line: 'c' }, 'a=1\nb=2\nc\na=3\n'],
    ['at the end where nothing matches', { insertbefore: '^z', line: 'c' }, `${text}c\n`],
    [
      'after a match where regexp has none',
      { regexp: '^c', insertafter: '^b', line: 'c=1' },
      'a=1\nb=2\nc=1\na=3\n',
    ],
    [
      'filled from what was there',
      { regexp: '^(b)=(?P<n>\\d)$', line: '\\1 = \\g<n>', backrefs: true },
      'a=1\nb = 2\na=3\n',
    ],
  ])('%s', async (_, args, expected) => {
    write(text)
    await applyOn(host, lines, { path: at('f'), ...args })
    expect(read()).toBe(expected)
    if ('backrefs' in args) return
    expect(await planOn(host, lines, { path: at('f'), ...args })).toMatchObject({
      kind: 'unchanged',
    })
  })

  it('is left alone where it is already, and where backrefs match nothing', async () => {
    write(text)
    for (const args of [{ line: 'b=2' }, { regexp: '^z(.)', line: '\\1', backrefs: true }]) {
      const decision = await planOn(host, lines, { path: at('f'), ...args })
      expect(decision).toMatchObject({ kind: 'unchanged', result: { msg: '' } })
    }
  })

  it('ends as its file ends its lines', async () => {
    expect(await edited('a\r\nb\r\n', { line: 'c' })).toBe('a\r\nb\r\nc\r\n')
    expect(await edited('a\r\nb\r\n', { regexp: 'a$', line: 'c' })).toBe('c\r\nb\r\n')
    expect(await edited('a\nb', { line: 'c' })).toBe('a\nb\nc')
    expect(await edited('a\nb', { regexp: '^b', line: 'c' })).toBe('a\nc')
    expect(await edited('a\nb', { insertafter: '^b', line: 'c' })).toBe('a\nb\nc')
    expect(await edited('', { line: 'c' })).toBe('c\n')
  })

  it('leaves bytes alone that are no text', async () => {
    expect(await edited('a\xff\xc3\nb=1\n', { regexp: '^b', line: 'b=é' })).toBe(
      'a\xff\xc3\nb=\xc3\xa9\n',
    )
  })

  it('keeps owner and mode, or sets them, and keeps a copy', async () => {
    write('a\n')
    const args = { path: at('f'), line: 'b', backup: true }
    const result = await expectConverges(host, lines, args)
    expect(readFileSync(String(result['backup']), 'utf8')).toBe('a\n')
    expect(statSync(at('f')).mode & 0o777).toBe(0o640)
    const again = await expectConverges(host, lines, { path: at('f'), line: 'b', mode: '0600' })
    expect(again['msg']).toBe('owner, group or mode changed')
  })

  it('makes a file, and folders above it, only where that is asked for', async () => {
    const args = { path: at('x/y/f'), line: 'a' }
    await expect(planOn(host, lines, args)).rejects.toMatchObject({ code: 'step.failed' })
    await expectConverges(host, lines, { ...args, create: true })
    expect(readFileSync(at('x/y/f'), 'utf8')).toBe('a\n')
  })

  it('follows a symlink and leaves it a symlink', async () => {
    write('a\n')
    symlinkSync('f', at('l'))
    symlinkSync('l', at('m'))
    await expectConverges(host, lines, { path: at('m'), line: 'b' })
    expect(lstatSync(at('m')).isSymbolicLink()).toBe(true)
    expect(read()).toBe('a\nb\n')
    symlinkSync('nowhere', at('n'))
    await expect(
      planOn(host, lines, { path: at('n'), line: 'a', create: true }),
    ).rejects.toMatchObject({ code: 'step.failed' })
  })

  it('edits a file too large to be shown', async () => {
    const many = `${'x'.repeat(99)}\n`.repeat(2000)
    expect(await edited(`${many}a=1\n`, { regexp: '^a=', line: 'a=2' })).toBe(`${many}a=2\n`)
  })

  it('shows the difference, unless a secret is in it, and writes nothing while planning', async () => {
    write('a\n')
    const open = await planOn(host, lines, { path: at('f'), line: 'b' })
    expect(open).toMatchObject({
      changes: [{ diff: { before: 'a\n', after: 'a\nb\n' }, notes: ['adds line 2'] }],
    })
    const hidden = await planOn(host, lines, { path: at('f'), line: new Secret('b=hush') })
    expect(hidden).toMatchObject({ changes: [{ diff: { before: mask, after: mask } }] })
    expect(JSON.stringify(hidden.kind === 'change' && hidden.changes)).not.toContain('hush')
    expect(read()).toBe('a\n')
    await applyOn(host, lines, { path: at('f'), line: new Secret('b=hush') })
    expect(read()).toBe('a\nb=hush\n')
  })

  it('is put in place only if validate agrees, and nothing is left behind', async () => {
    write('a\n')
    const args = { path: at('f'), line: 'b' }
    const refused = applyOn(host, lines, { ...args, validate: 'grep -q nothing %s' })
    await expect(refused).rejects.toMatchObject({
      code: 'step.failed',
      message: `validate refuses the new ${at('f')}: exit status 1`,
    })
    expect([read(), readdirSync(folder)]).toEqual(['a\n', ['f']])
    await applyOn(host, lines, { ...args, validate: 'grep -q b %s' })
    expect([read(), readdirSync(folder)]).toEqual(['a\nb\n', ['f']])
  })

  it.each<[string, object, RegExp]>([
    ['a pattern', { regexp: '(?=a)', line: 'x' }, /regexp cannot be used/],
    ['a group', { regexp: 'a', line: '\\2', backrefs: true }, /group "2"/],
    ['several lines', { line: 'a\nb' }, /newline/],
    ['no line', {}, /needs line/],
    ['nothing to remove', { state: 'absent' }, /shall be absent/],
    ['backrefs alone', { line: 'x', backrefs: true }, /backrefs needs regexp/],
  ])('refuses %s', async (_, args, message) => {
    write('a\n')
    const planned = planOn(host, lines, { path: at('f'), ...args })
    await expect(planned).rejects.toMatchObject({ code: 'step.failed', message })
  })
})

describe('a line that shall be absent', () => {
  it('goes wherever it is', async () => {
    const args = { state: 'absent' }
    expect(await edited('a\nb\na\n', { ...args, line: 'a' })).toBe('b\n')
    expect(await edited('a1\r\nb\r\na2', { ...args, regexp: '^a' })).toBe('b\r\n')
    expect(await edited('a1\nb\n', { ...args, search_string: '1' })).toBe('b\n')
  })

  it('is counted', async () => {
    write('a\nb\na\n')
    const args = { path: at('f'), line: 'a', state: 'absent' }
    expect(await applyOn(host, lines, args)).toMatchObject({ found: 2, msg: '2 line(s) removed' })
    expect(await applyOn(host, lines, args)).toMatchObject({ found: 0, msg: '' })
  })

  it('is absent where there is no file', async () => {
    const args = { path: at('none'), line: 'a', state: 'absent' }
    expect(await applyOn(host, lines, args)).toMatchObject({ found: 0, msg: 'file not present' })
    expect(existsSync(at('none'))).toBe(false)
  })
})
