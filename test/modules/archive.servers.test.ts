import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Host } from '../../src/connection/contract.ts'
import { archive } from '../../src/modules/builtin/archive.ts'
import { unarchive } from '../../src/modules/builtin/unarchive.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { shellHost } from '../connection/support.ts'
import { applyOn, expectConverges, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'

const module = hostModule(anyModule(archive))
const unpacking = hostModule(anyModule(unarchive))
const here = shellHost()
afterAll(() => here.close())

let folder = ''
const at = (name: string): string => join(folder, name)
const sh = (script: string): string =>
  execFileSync('/bin/sh', ['-ec', script], { cwd: folder, encoding: 'utf8' })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-archive-'))
  mkdirSync(at('data/d/empty'), { recursive: true })
  writeFileSync(at('data/a b'), 'one\n')
  writeFileSync(at('data/-x'), 'two\n')
  writeFileSync(at("data/d/[é]*?\\'q"), 'three\n')
  symlinkSync('../a b', at('data/d/link'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('archive', () => {
  it.each(['gz', 'tar', 'xz', 'bz2', 'zip'])(
    'packs a folder as %s, and again when it changed',
    async format => {
      const args = { path: at('data/'), dest: at(`out.${format}`), format }
      expect(await expectConverges(here.host, module, args)).toMatchObject({
        state: 'archive',
        arcroot: folder,
        archived: [at('data')],
        missing: [],
        size: statSync(at(`out.${format}`)).size,
      })
      writeFileSync(at('data/a b'), 'ONE\n')
      await expectConverges(here.host, module, args)
      rmSync(at('data/-x'))
      await expectConverges(here.host, module, args)
      writeFileSync(at('data/d/new'), '')
      await expectConverges(here.host, module, args)
      if (format === 'zip') return
      mkdirSync(at('to'))
      await expectConverges(here.host, unpacking, {
        src: args.dest,
        dest: at('to'),
        remote_src: true,
      })
      sh('diff -r --no-dereference data to/data')
    },
  )

  it.each([
    ['gz', 'gzip'],
    ['xz', 'xz'],
    ['bz2', 'bzip2'],
  ])('compresses a single file by %s', async (format, program) => {
    const args = { path: at('data/a b'), format }
    expect(await expectConverges(here.host, module, args)).toMatchObject({
      dest: at(`data/a b.${format}`),
      state: 'compress',
    })
    expect(sh(`${program} -dc "data/a b.${format}"`)).toBe('one\n')
    writeFileSync(at('data/a b'), 'ONE\n')
    await expectConverges(here.host, module, args)
    await expectConverges(here.host, module, { ...args, dest: at('x.tar'), force_archive: true })
  })

  it('leaves out what is excluded, sockets, and itself', async () => {
    const socket = createServer().listen(at('data/socket'))
    const args = {
      path: [at('data/*'), at('none*')],
      dest: at('data/d/self.tgz'),
      exclude_path: [at('data/d/emp*'), at('data/d/[[]*')],
    }
    const result = await expectConverges(here.host, module, args)
    expect(result).toMatchObject({
      state: 'incomplete',
      missing: [at('none*')],
      arcroot: at('data'),
    })
    const names = sh('tar -tf data/d/self.tgz | sort').trim().split('\n')
    expect(names).toEqual(['-x', 'a b', 'd/', 'd/link'])
    await new Promise(resolve => socket.close(resolve))
  })

  it.each(['tar', 'zip'])('packs as %s what has names that are patterns', async format => {
    writeFileSync(at('data/d/*'), 'star')
    writeFileSync(at('data/d/xy'), 'kept')
    const args = { path: at('data'), dest: at('out'), format, exclude_path: [at('data/d/[*]')] }
    await expectConverges(here.host, module, args)
    const list = sh(format === 'tar' ? 'tar -tf out' : 'unzip -Z1 out')
    expect(list).toContain('data/d/xy')
    expect(list).not.toContain('data/d/*\n')
  })

  it('writes nothing while planning', async () => {
    const args = { path: at('data'), dest: at('out.tgz'), remove: true }
    expect(await planOn(here.host, module, args)).toMatchObject({
      changes: [
        { action: 'create', target: at('out.tgz') },
        { action: 'delete', target: at('data'), destructive: true },
      ],
    })
    expect(readdirSync(folder)).toEqual(['data'])
  })

  it('keeps mode, and nobody reads it before it has it', async () => {
    const args = { path: at('data'), dest: at('out.tgz'), mode: '0600' }
    await expectConverges(here.host, module, args)
    expect(statSync(at('out.tgz')).mode & 0o777).toBe(0o600)
    chmodSync(at('out.tgz'), 0o640)
    await expectConverges(here.host, module, args)
    writeFileSync(at('data/-x'), 'other')
    await applyOn(here.host, module, { ...args, mode: undefined })
    expect(statSync(at('out.tgz')).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).sort()).toEqual(['data', 'out.tgz'])
  })

  it('removes what it has packed, and is done then', async () => {
    const args = { path: at('data'), dest: at('out.tgz'), remove: true }
    await applyOn(here.host, module, args)
    expect(existsSync(at('data'))).toBe(false)
    expect(await planOn(here.host, module, args)).toMatchObject({
      kind: 'unchanged',
      result: { state: 'absent' },
    })
    expect(sh('tar -tf out.tgz | wc -l').trim()).toBe('7')
  })

  it('removes nothing where something changed meanwhile', async () => {
    const changing: Host = {
      ...here.host,
      run: async (command, io) => {
        const exit = await here.host.run(command, io)
        if (command.argv[0] === 'mv') writeFileSync(at('data/late'), '')
        return exit
      },
    }
    const args = { path: at('data'), dest: at('out.tgz'), remove: true }
    await expect(applyOn(changing, module, args)).rejects.toThrow('does not hold all that is there')
    expect(existsSync(at('data/a b'))).toBe(true)
    await applyOn(here.host, module, args)
    expect(sh('tar -tf out.tgz')).toContain('data/late')
  })

  it('leaves the archive that is there, and no rest, where packing fails', async () => {
    writeFileSync(at('out.tgz'), 'old')
    sh('mkdir bin && printf "#!/bin/sh\\nexit 2\\n" >bin/gzip && chmod +x bin/gzip')
    const host = shellHost({ env: { PATH: `${at('bin')}:/usr/bin:/bin` } })
    const args = { path: at('data'), dest: at('out.tgz') }
    await expect(applyOn(host.host, module, args)).rejects.toMatchObject({ code: 'command.failed' })
    await host.close()
    expect(readFileSync(at('out.tgz'), 'utf8')).toBe('old')
    expect(readdirSync(folder).sort()).toEqual(['bin', 'data', 'out.tgz'])
  })

  it('with the tar of busybox goes by size, mode and time', async () => {
    mkdirSync(at('bin'))
    symlinkSync('/usr/bin/busybox', at('bin/tar'))
    const host = shellHost({ env: { PATH: `${at('bin')}:/usr/bin:/bin` } })
    const args = { path: at('data'), dest: at('out.tgz') }
    await expectConverges(host.host, module, args)
    writeFileSync(at('data/a b'), 'longer than it was\n')
    await expectConverges(host.host, module, args)
    writeFileSync(at('data/a b'), 'again\n')
    const leaving = { ...args, exclude_path: [at('data/d/empty')] }
    await expect(applyOn(host.host, module, leaving)).rejects.toThrow('needs GNU tar')
    const unpack = { src: at('out.tgz'), dest: folder, remote_src: true, exclude: ['x'] }
    await expect(planOn(host.host, unpacking, unpack)).rejects.toThrow('knows no --exclude')
    await host.close()
  })
})
