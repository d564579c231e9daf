import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/base/secret.ts'
import type { Host } from '../../src/connection/contract.ts'
import { script } from '../../src/modules/builtin/script.ts'
import { slurp } from '../../src/modules/builtin/slurp.ts'
import { tempfile } from '../../src/modules/builtin/tempfile.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'
import { shellHost } from './shell-host.ts'

const host = shellHost()
const scripts = hostModule(anyModule(script))
const slurps = hostModule(anyModule(slurp))
const temporary = hostModule(anyModule(tempfile))

const top = mkdtempSync(join(tmpdir(), 'bkp-scripts-'))
const folder = join(top, "a 'b' $c\n-d")
const hostTemporary = join(top, 'tmp')
const oldTmpdir = process.env['TMPDIR']
beforeAll(() => {
  mkdirSync(folder)
  mkdirSync(hostTemporary)
  process.env['TMPDIR'] = hostTemporary
})
afterAll(() => {
  if (oldTmpdir === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = oldTmpdir
  rmSync(top, { recursive: true, force: true })
})
const at = (name: string): string => join(folder, name)
const sent = (text: string) => [{ path: 'a.sh', bytes: Buffer.from(text) }]

describe('script', () => {
  const run = (text: string, args: object, on: Host = host) =>
    applyOn(on, scripts, args, sent(text))

  it('runs by its first line, with its words, where nobody else may look, and is gone then', async () => {
    const text = '#!/bin/sh\nprintf "%s|" "$@"; stat -c %a "$0" "$(dirname "$0")"; pwd'
    const result = await run(text, { cmd: `a.sh one "two 'x' $y"`, chdir: folder })
    expect(result['stdout']).toBe(`one|two 'x' $y|700\n700\n${folder}`)
    expect(result).toMatchObject({ rc: 0, cmd: "a.sh one two 'x' $y" })
    expect(readdirSync(hostTemporary)).toEqual([])
  })

  it('is run by sh where no first line says otherwise, or by what is asked for', async () => {
    expect(await run('echo $((1 + 1))', { cmd: 'a.sh' })).toMatchObject({ stdout: '2' })
    const sed = await run('s/x/y/', { cmd: `a.sh ${'/dev/null'}`, executable: 'sed -n -f' })
    expect(sed).toMatchObject({ rc: 0 })
  })

  it('is gone also where it failed, or was cancelled', async () => {
    await expect(run('echo no >&2; exit 4', { cmd: 'a.sh' })).rejects.toMatchObject({
      code: 'command.failed',
      details: { result: { rc: 4, stderr: 'no' } },
    })
    expect(readdirSync(hostTemporary)).toEqual([])
    const cancelled: Host = {
      ...host,
      write: async (path, bytes, options, io) => {
        await host.write(path, bytes, options, io)
        throw new Error('cancelled')
      },
    }
    await expect(run('true', { cmd: 'a.sh' }, cancelled)).rejects.toThrow('cancelled')
    expect(readdirSync(hostTemporary)).toEqual([])
  })

  it('is guarded, so that the second run is ok; and planning sends nothing', async () => {
    const args = { cmd: 'a.sh', creates: 'made', chdir: folder }
    expect(await planOn(host, scripts, args, sent('touch made'))).toMatchObject({
      kind: 'change',
      changes: [{ action: 'run', target: 'a.sh' }],
    })
    expect([existsSync(at('made')), readdirSync(hostTemporary)]).toEqual([false, []])
    await run('touch made', args)
    expect(existsSync(at('made'))).toBe(true)
    expect(await planOn(host, scripts, args, sent('touch made'))).toMatchObject({
      kind: 'unchanged',
      message: 'not run, since made exists',
    })
  })

  it('takes no secret for a word', async () => {
    const hush = run('true', { cmd: new Secret('a.sh hush') })
    await expect(hush).rejects.toMatchObject({ code: 'step.failed' })
  })
})

describe('tempfile', () => {
  it('makes another file each time, for its owner alone', async () => {
    const args = { path: folder, prefix: 'x-', suffix: '.sql' }
    const planned = await planOn(host, temporary, args)
    expect(planned).toMatchObject({ kind: 'change', result: { state: 'file', mode: '0600' } })
    expect(JSON.stringify(planned)).not.toContain('"path"')
    const [one, two] = [await applyOn(host, temporary, args), await applyOn(host, temporary, args)]
    expect(one).toMatchObject({ state: 'file', mode: '0600', size: 0 })
    expect(String(one['path'])).toMatch(/\/x-[a-z2-7]{16}\.sql$/)
    expect(one['path']).not.toBe(two['path'])
    expect(statSync(String(one['path'])).isFile()).toBe(true)
  })

  it('makes a folder, in the place of the host for such things', async () => {
    const made = await applyOn(host, temporary, { state: 'directory' })
    expect(made).toMatchObject({ state: 'directory', mode: '0700' })
    expect(String(made['path'])).toMatch(new RegExp(`^${hostTemporary}/ansible\\.[a-z2-7]{16}$`))
    expect(statSync(String(made['path'])).mode & 0o777).toBe(0o700)
    rmSync(String(made['path']), { recursive: true })
  })

  it('refuses a folder that is not there', async () => {
    const planned = planOn(host, temporary, { path: at('none') })
    await expect(planned).rejects.toMatchObject({ code: 'step.failed' })
  })
})

describe('slurp', () => {
  it('reads any bytes, through a symlink too', async () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index & 255))
    writeFileSync(at('f'), bytes)
    symlinkSync('f', at('l'))
    for (const source of [at('f'), at('l')]) {
      expect(await applyOn(host, slurps, { src: source })).toEqual({
        content: bytes.toString('base64'),
        encoding: 'base64',
        source,
      })
    }
  })

  it('says what it cannot read', async () => {
    writeFileSync(at('large'), Buffer.alloc(1024 * 1024 + 1))
    const large = planOn(host, slurps, { src: at('large') })
    await expect(large).rejects.toMatchObject({
      message: `${at('large')} has 1048577 bytes, and slurp takes at most 1048576: results stay in memory`,
    })
    await expect(planOn(host, slurps, { src: folder })).rejects.toMatchObject({
      message: `${folder} is a folder, and slurp reads files`,
    })
    await expect(planOn(host, slurps, { src: at('none') })).rejects.toMatchObject({
      message: `there is no file ${at('none')}`,
    })
  })
})
