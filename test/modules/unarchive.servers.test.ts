import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { unarchive } from '../../src/modules/builtin/unarchive.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { shellHost } from '../connection/support.ts'
import { applyOn, expectConverges, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'

const module = hostModule(anyModule(unarchive))
const here = shellHost()
afterAll(() => here.close())

let folder = ''
const at = (name: string): string => join(folder, name)
const sh = (script: string): string =>
  execFileSync('/bin/sh', ['-ec', script], { cwd: folder, encoding: 'utf8' })

/** A tree with names that are hard to list, to quote and to compare. */
function makeTree(): void {
  mkdirSync(at('tree/d/empty'), { recursive: true })
  writeFileSync(at('tree/a b'), 'one\n')
  writeFileSync(at('tree/d/[x]*?'), 'two\n')
  writeFileSync(at('tree/-x'), 'three\n')
  writeFileSync(at("tree/d/é'q"), '')
  chmodSync(at('tree/d/[x]*?'), 0o664)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-unarchive-'))
  mkdirSync(at('to'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Member by member from names of our own making: no tool would pack what these hold. */
function packByHand(members: string): void {
  execFileSync('python3', [
    '-c',
    `import tarfile, io
t = tarfile.open(${JSON.stringify(at('bad.tar'))}, 'w')
def add(name, type=tarfile.REGTYPE, link='', data=b''):
    m = tarfile.TarInfo(name); m.type = type; m.linkname = link; m.size = len(data)
    t.addfile(m, io.BytesIO(data))
SYM, LNK, CHR, FIFO, DIR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE
${members}
t.close()`,
  ])
}

describe('unarchive', () => {
  it.each([
    ['tar', 'tar -cf x.tar -C tree .', 'TarArchive'],
    ['tar.gz', 'tar -czf x.tar.gz -C tree .', 'TgzArchive'],
    ['tar.bz2', 'tar -cjf x.tar.bz2 -C tree .', 'TarBzipArchive'],
    ['tar.xz', 'tar -cJf x.tar.xz -C tree .', 'TarXzArchive'],
    ['tar.zst', 'tar --zstd -cf x.tar.zst -C tree .', 'TarZstdArchive'],
    ['zip', 'cd tree && zip -qr ../x.zip .', 'ZipArchive'],
  ])('unpacks %s of the host, and the second time nothing', async (suffix, pack, handler) => {
    makeTree()
    if (suffix !== 'zip') {
      symlinkSync('../a b', at('tree/d/link'))
      sh('ln "tree/a b" tree/d/hard')
    }
    sh(pack)
    const args = { src: at(`x.${suffix}`), dest: at('to'), remote_src: true, list_files: true }
    const result = await expectConverges(here.host, module, args)
    expect(result).toMatchObject({ handler, unpacked: true, dest: at('to') })
    expect(result['files']).toContainEqual(expect.stringMatching(/d\/\[x\]\*\?$/))
    sh('diff -r --no-dereference tree to')
    expect(statSync(at('to/d/[x]*?')).mode & 0o777).toBe(0o664)
    // A change of one file is seen, and mended.
    writeFileSync(at('to/d/[x]*?'), 'TWO\n')
    await expectConverges(here.host, module, args)
    rmSync(at('to/d/empty'), { recursive: true })
    rmSync(at('to/-x'))
    await expectConverges(here.host, module, args)
    sh('diff -r --no-dereference tree to')
  })

  it('unpacks a file of the controller, and leaves nothing of it behind', async () => {
    makeTree()
    sh('tar -czf x.tgz -C tree .')
    const local = [{ path: 'x.tgz', bytes: readFileSync(at('x.tgz')) }]
    mkdirSync(at('tmp'))
    const host = shellHost({ env: { PATH: '/usr/bin:/bin', TMPDIR: at('tmp') } })
    const args = { src: 'x.tgz', dest: `${at('to')}/` }
    expect(await planOn(host.host, module, args, local)).toMatchObject({ certainty: 'maybe' })
    expect(readdirSync(at('to'))).toEqual([])
    expect(await applyOn(host.host, module, args, local)).toMatchObject({ unpacked: true })
    expect(await applyOn(host.host, module, args, local)).toMatchObject({ unpacked: false })
    writeFileSync(at('bad'), 'no archive')
    const bad = [{ path: 'bad', bytes: readFileSync(at('bad')) }]
    await expect(applyOn(host.host, module, { ...args, src: 'bad' }, bad)).rejects.toThrow(
      'bad cannot be read',
    )
    await host.close()
    sh('diff -r tree to')
    expect(readdirSync(at('tmp'))).toEqual([])
  })

  it('writes nothing while planning, and shows what differs', async () => {
    makeTree()
    sh('tar -cf x.tar -C tree "a b" d')
    writeFileSync(at('to/a b'), 'other\n')
    const args = { src: at('x.tar'), dest: at('to'), remote_src: true }
    expect(await planOn(here.host, module, args)).toMatchObject({
      changes: [
        {
          target: at('to'),
          notes: expect.arrayContaining(['a b: Size differs', 'd: missing', 'd/empty: missing']),
        },
      ],
    })
    expect(readdirSync(at('to'))).toEqual(['a b'])
  })

  it.each(['tar', 'zip'])('takes only what is asked for of a %s', async kind => {
    makeTree()
    sh(
      kind === 'tar'
        ? 'tar -cf x -C tree "a b" d'
        : 'cd tree && zip -qr ../x.zip "a b" d && mv ../x.zip ../x',
    )
    const args = { src: at('x'), dest: at('to'), remote_src: true }
    await expectConverges(here.host, module, { ...args, include: ['d/*'], exclude: ['*empty*'] })
    expect(sh('cd to && find . -type f -o -type d | sort').split('\n')).not.toContain('./a b')
    expect(existsSync(at('to/d/empty'))).toBe(false)
    expect(existsSync(at('to/d/[x]*?'))).toBe(true)
  })

  it('gives everything a mode, and folders the right to enter', async () => {
    makeTree()
    sh('tar -cf x.tar -C tree "a b" d')
    const args = { src: at('x.tar'), dest: at('to'), remote_src: true, mode: '0640', owner: 0 }
    if (process.getuid?.() !== 0) args.owner = process.getuid?.() ?? 0
    await expectConverges(here.host, module, args)
    expect(statSync(at('to/a b')).mode & 0o777).toBe(0o640)
    expect(statSync(at('to/d')).mode & 0o777).toBe(0o750)
    chmodSync(at('to/d/[x]*?'), 0o600)
    await expectConverges(here.host, module, args)
  })

  it('keeps what is newer', async () => {
    makeTree()
    utimesSync(at('tree/a b'), 1000, 1000)
    sh('tar -cf x.tar -C tree "a b" -- -x')
    writeFileSync(at('to/a b'), 'newer\n')
    const args = { src: at('x.tar'), dest: at('to'), remote_src: true, keep_newer: true }
    await expectConverges(here.host, module, args)
    expect(readFileSync(at('to/a b'), 'utf8')).toBe('newer\n')
    expect(readFileSync(at('to/-x'), 'utf8')).toBe('three\n')
  })

  it('tells what is missing', async () => {
    const args = { src: at('none.tar'), dest: at('to'), remote_src: true }
    await expect(planOn(here.host, module, args)).rejects.toThrow('there is no archive')
    sh('echo nothing >none.tar')
    await expect(planOn(here.host, module, args)).rejects.toThrow('none.tar cannot be read')
    sh('mkdir s && tar -czf x.tgz s && head -c 40 x.tgz >none.tar')
    await expect(planOn(here.host, module, args)).rejects.toThrow('none.tar cannot be read')
    await expect(
      planOn(here.host, module, { ...args, src: at('x.tgz'), dest: at('nowhere') }),
    ).rejects.toMatchObject({ hint: expect.stringContaining('state: directory') })
  })

  it('with the tar of busybox goes by size, mode and time', async () => {
    makeTree()
    mkdirSync(at('bin'))
    symlinkSync('/usr/bin/busybox', at('bin/tar'))
    sh('ln -s "a b" tree/link && tar -czf x.tgz -C tree "a b" d link')
    const host = shellHost({ env: { PATH: `${at('bin')}:/usr/bin:/bin` } })
    const args = { src: at('x.tgz'), dest: at('to'), remote_src: true }
    await expectConverges(host.host, module, args)
    writeFileSync(at('to/a b'), 'longer than it was\n')
    await expectConverges(host.host, module, args)
    expect(readFileSync(at('to/a b'), 'utf8')).toBe('one\n')
    expect(readlinkSync(at('to/link'))).toBe('a b')
    packByHand("add('x', LNK, '/etc/passwd')")
    await expect(planOn(host.host, module, { ...args, src: at('bad.tar') })).rejects.toThrow(
      'is not unpacked',
    )
    await host.close()
  })
})

describe('unarchive refuses before anything is written', () => {
  it.each([
    ['an absolute path', "add('ok'); add('/tmp/bkp-evil')", 'its path is absolute'],
    ['a way out', "add('ok'); add('a/../../evil')", 'leads out of the folder'],
    ['a link to elsewhere', "add('ok'); add('l', SYM, '/etc')", 'it is a link to /etc'],
    ['a link up', "add('d/l', SYM, '../../x')", 'out of the folder'],
    ['a link by a detour', "add('s', SYM, 'ok'); add('l', SYM, 's/../..')", 'by a detour'],
    ['a file behind a link', "add('l', SYM, 'ok'); add('l/x')", 'behind a link of the archive'],
    ['a hard link to elsewhere', "add('h', LNK, '/etc/passwd')", 'hard link to /etc/passwd'],
    ['a hard link behind a link', "add('l', SYM, 'd'); add('h', LNK, 'l/x')", 'hard link to l/x'],
    ['a device', "add('null', CHR)", 'neither a file'],
    ['a pipe', "add('pipe', FIFO)", 'neither a file'],
    ['a name like a link line', "add('a -> b', SYM, 'ok')", 'neither a file'],
    ['a newline to hide behind', "add('ok\\n/../../evil')", 'leads out'],
  ])('%s', async (_what, members, message) => {
    packByHand(members)
    const args = { src: at('bad.tar'), dest: at('to'), remote_src: true }
    await expect(planOn(here.host, module, args)).rejects.toThrow(message)
    await expect(applyOn(here.host, module, args)).rejects.toMatchObject({ code: 'step.failed' })
    const local = [{ path: 'bad.tar', bytes: readFileSync(at('bad.tar')) }]
    await expect(
      applyOn(here.host, module, { src: 'bad.tar', dest: at('to') }, local),
    ).rejects.toThrow(message)
    expect(readdirSync(at('to'))).toEqual([])
  })

  it('a way out and a link of a zip', async () => {
    execFileSync('python3', [
      '-c',
      `import zipfile
z = zipfile.ZipFile(${JSON.stringify(at('bad.zip'))}, 'w')
z.writestr('ok', 'x'); z.writestr('../evil', 'x'); z.close()`,
    ])
    const args = { dest: at('to'), remote_src: true }
    await expect(planOn(here.host, module, { ...args, src: at('bad.zip') })).rejects.toThrow(
      'leads out of the folder',
    )
    sh('ln -s /etc l && zip -qy link.zip l')
    await expect(planOn(here.host, module, { ...args, src: at('link.zip') })).rejects.toThrow(
      'links of zip archives are not unpacked',
    )
  })

  it('but unpacks the rest where exclude leaves such members out', async () => {
    packByHand("add('ok'); add('../evil'); add('l', SYM, '/etc')")
    const args = { src: at('bad.tar'), dest: at('to'), remote_src: true, exclude: ['*evil', 'l'] }
    await applyOn(here.host, module, args)
    expect(readdirSync(at('to'))).toEqual(['ok'])
  })

  it('and unpacks links that stay inside', async () => {
    packByHand(
      "add('d', DIR); add('d/f', data=b'x'); add('d/l', SYM, '../d/f'); add('m', SYM, 'd/./f'); add('h', LNK, 'd/f')",
    )
    sh('chmod 700 to')
    const args = { src: at('bad.tar'), dest: at('to'), remote_src: true, mode: '0700' }
    await applyOn(here.host, module, args)
    expect(lstatSync(at('to/d/l')).isSymbolicLink()).toBe(true)
    expect(readFileSync(at('to/h'), 'utf8')).toBe('x')
  })
})
