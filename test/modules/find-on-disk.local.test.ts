import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textBytes } from '../../src/base/byte-text.ts'
import { compilePattern } from '../../src/expression/pattern-search.ts'
import { file } from '../../src/modules/builtin/file.ts'
import { find } from '../../src/modules/builtin/find.ts'
import { globPattern } from '../../src/modules/builtin/finding/glob-pattern.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'
import { shellHost } from './shell-host.ts'

const host = shellHost()
const finds = hostModule(anyModule(find))
const files = hostModule(anyModule(file))

const top = mkdtempSync(join(tmpdir(), 'bkp-find-'))
const folder = join(top, "a 'b' $c\n-d")
const applets = join(top, 'applets')
const bare = 'bytes \udcff'
beforeAll(() => {
  mkdirSync(join(folder, 'sub/deep'), { recursive: true })
  mkdirSync(join(folder, '.dot'))
  const hourAgo = Date.now() / 1000 - 3600
  for (const [name, text] of [
    ['one.log', 'first\nERROR here\n'],
    ['two.log', 'x'.repeat(5000)],
    ['new\nline.txt', 'a'],
    ['.hidden.log', 'h'],
    ['.dot/seen.log', 's'],
    ['sub/three.log', 'ERROR\n'],
    ['sub/deep/four.log', '4'],
    [bare, 'b'],
  ] as const) {
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), textBytes(name)]), text)
  }
  utimesSync(join(folder, 'two.log'), hourAgo, hourAgo)
  symlinkSync('one.log', join(folder, 'link'))
  execFileSync('busybox', ['mkfifo', join(folder, 'pipe')])
  mkdirSync(applets)
  execFileSync('busybox', ['--install', '-s', applets])
})
afterAll(() => rmSync(top, { recursive: true, force: true }))

async function names(args: object): Promise<readonly string[]> {
  const result = await applyOn(host, finds, { paths: folder, ...args })
  const found = result['files'] as readonly { readonly path: string }[]
  expect(result['matched']).toBe(found.length)
  return found.map(({ path }) => path.slice(folder.length + 1))
}

function suite(): void {
  it.each<[string, object, readonly string[]]>([
    ['files of the folder', {}, [bare, 'new\nline.txt', 'one.log', 'two.log']],
    [
      'files below',
      { recurse: true, patterns: '*.log' },
      ['.dot/seen.log', 'one.log', 'sub/deep/four.log', 'sub/three.log', 'two.log'],
    ],
    [
      'not too deep',
      { recurse: true, depth: 2, patterns: ['t*.log'] },
      ['sub/three.log', 'two.log'],
    ],
    ['hidden ones', { hidden: true, patterns: '*.log' }, ['.hidden.log', 'one.log', 'two.log']],
    ['some of them', { patterns: '*.log,*.txt', excludes: 'one*' }, ['new\nline.txt', 'two.log']],
    [
      'by regular expressions',
      { patterns: ['^(one|two)\\.'], use_regex: true },
      ['one.log', 'two.log'],
    ],
    ['folders', { file_type: 'directory', recurse: true }, ['sub', 'sub/deep']],
    ['links', { file_type: 'link' }, ['link']],
    [
      'anything',
      { file_type: 'any', excludes: '*.log' },
      [bare, 'link', 'new\nline.txt', 'pipe', 'sub'],
    ],
    ['large ones', { size: '4k' }, ['two.log']],
    ['small ones', { size: -1 }, [bare, 'new\nline.txt']],
    ['old ones', { age: '50m' }, ['two.log']],
    ['young ones', { age: '-50m', patterns: '*.log' }, ['one.log']],
    ['young by another time', { age: '-50m', age_stamp: 'ctime', patterns: 't*' }, ['two.log']],
    ['with a line', { contains: 'ERR.*re$', recurse: true }, ['one.log']],
    ['with content', { contains: 'st\nERR', read_whole_file: true }, ['one.log']],
    ['a few', { limit: 2 }, [bare, 'new\nline.txt']],
  ])('%s', async (_, args, expected) => {
    expect(await names(args)).toEqual(expected)
  })

  it('tells of each what stat tells, and its hash if asked', async () => {
    const args = { paths: [folder], patterns: '*line.txt', get_checksum: true }
    const result = await applyOn(host, finds, args)
    expect(result).toMatchObject({
      examined: 9,
      matched: 1,
      msg: 'All paths examined.',
      skipped_paths: {},
      files: [
        {
          path: `${folder}/new\nline.txt`,
          isreg: true,
          isdir: false,
          size: 1,
          mode: '0644',
          checksum: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
          mtime: expect.closeTo(Date.now() / 1000, -2),
        },
      ],
    })
    const [link] = (await applyOn(host, finds, { paths: folder, file_type: 'link' }))['files'] as [
      object,
    ]
    expect(link).toMatchObject({ islnk: true, lnk_target: 'one.log' })
  })

  it('names files so that other steps find them, whatever their bytes', async () => {
    writeFileSync(textBytes(`${folder}/gone \udcfe`), '')
    const [found] = (await applyOn(host, finds, { paths: folder, patterns: 'gone*' }))['files'] as [
      { readonly path: string },
    ]
    const path = JSON.parse(JSON.stringify(found.path)) as string
    await applyOn(host, files, { path, state: 'absent' })
    expect(existsSync(textBytes(`${folder}/gone \udcfe`))).toBe(false)
  })
}

describe('find', () => {
  suite()

  it('tells what it could not look at', async () => {
    const result = await applyOn(host, finds, {
      paths: [`${folder}/none`, `${folder}/one.log`, folder],
      patterns: 'one.log',
    })
    expect(result).toMatchObject({
      matched: 1,
      skipped_paths: {
        [`${folder}/none`]: 'it does not exist',
        [`${folder}/one.log`]: 'it is no folder',
      },
      msg: 'Not all paths were examined: see skipped_paths.',
    })
  })

  it.each<[string, object, RegExp]>([
    ['a relative path', { paths: 'etc' }, /no absolute path/],
    ['a pattern', { patterns: ['(?=a)'], use_regex: true }, /cannot be used/],
    ['contains of folders', { contains: 'x', file_type: 'any' }, /looks into files/],
    ['an amount', { size: '1x' }, /no amount/],
  ])('refuses %s', async (_, args, message) => {
    const planned = planOn(host, finds, { paths: folder, ...args })
    await expect(planned).rejects.toMatchObject({ code: 'step.failed', message })
  })

  it('refuses to look into what is large', async () => {
    writeFileSync(join(top, 'large'), Buffer.alloc(1024 * 1024 + 1))
    const planned = planOn(host, finds, { paths: top, contains: 'x' })
    await expect(planned).rejects.toMatchObject({
      message: `contains looks into files of at most 1 MiB, and ${top}/large has 1048577 bytes`,
    })
    chmodSync(join(top, 'large'), 0o600)
  })
})

describe('find with busybox alone', () => {
  const path = process.env['PATH']
  beforeAll(() => {
    process.env['PATH'] = applets
  })
  afterAll(() => {
    process.env['PATH'] = path
  })
  suite()
})

describe('shell patterns', () => {
  it.each<[string, string, boolean]>([
    ['*.log', 'a.log', true],
    ['*.log', 'a.logs', false],
    ['*', 'a\nb', true],
    ['?', '😀', true],
    ['[ab]c', 'bc', true],
    ['[!ab]c', 'bc', false],
    ['[a-c].[]]', 'b.]', true],
    ['[', '[', true],
    ['[a-]', '-', true],
    ['[]-]x', '-x', true],
    ['a+b(c)$', 'a+b(c)$', true],
    ['[^a]', '^', true],
    ['\\*', '\\x', true],
  ])('%s on %j', (glob, name, fits) => {
    expect(compilePattern(globPattern(glob)).search(name) !== undefined).toBe(fits)
  })
})
