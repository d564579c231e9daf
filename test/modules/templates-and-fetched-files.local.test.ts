import {
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
import { textBytes } from '../../src/base/byte-text.ts'
import { mask, Secret } from '../../src/base/secret.ts'
import { localFiles } from '../../src/cli/local-files.ts'
import type { Host } from '../../src/connection/contract.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { fetch } from '../../src/modules/builtin/fetch.ts'
import { template } from '../../src/modules/builtin/template.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn, expectConverges, type Given, planOn, variablesOf } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'
import { shellHost } from './shell-host.ts'

const host = shellHost()
const templates = hostModule(anyModule(template))
const fetches = hostModule(anyModule(fetch))

let top = ''
let playbook = ''
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'bkp-here-'))
  playbook = join(top, 'play')
  mkdirSync(join(playbook, 'templates'), { recursive: true })
  mkdirSync(join(top, 'host'))
})
afterEach(() => rmSync(top, { recursive: true, force: true }))
const onHost = (name: string): string => join(top, 'host', name)
const here = () => localFiles(playbook)

describe('template', () => {
  const text = 'port={{port}}\n{{#each peers}}\npeer={{this}}\n{{/each}}\n'
  /** What the driver would hand over. */
  async function given(variables: Readonly<Record<string, unknown>>): Promise<Given> {
    const asked = templates.local?.({ src: 'my.conf', dest: '/' } as never) ?? []
    return { local: await here().localFiles(asked), ...variablesOf(variables) }
  }
  beforeEach(() => writeFileSync(join(playbook, 'templates/my.conf'), text))

  it('writes what the template makes, shows it first, and is ok the second time', async () => {
    const args = { src: 'my.conf', dest: onHost('f'), mode: '0640' }
    const variables = await given({ port: 80, peers: ['a', '{{b}}'] })
    expect(await planOn(host, templates, args, variables)).toMatchObject({
      changes: [{ action: 'create', diff: { after: 'port=80\npeer=a\npeer={{b}}\n' } }],
    })
    expect(readdirSync(join(top, 'host'))).toEqual([])
    const result = await expectConverges(host, templates, args, variables)
    expect(result).toMatchObject({ dest: onHost('f'), src: 'my.conf', mode: '0640', size: 26 })
    expect(readFileSync(onHost('f'), 'utf8')).toBe('port=80\npeer=a\npeer={{b}}\n')
    expect(lstatSync(onHost('f')).mode & 0o777).toBe(0o640)
    await expectConverges(host, templates, args, await given({ port: 81, peers: [] }))
    await expectConverges(host, templates, { ...args, dest: `${onHost('d')}/` }, variables)
    expect(readdirSync(onHost('d'))).toEqual(['my.conf'])
  })

  it('shows nothing where a secret is in it', async () => {
    const args = { src: 'my.conf', dest: onHost('f') }
    const secret = await given({ port: new Secret('hush'), peers: [] })
    const planned = await planOn(host, templates, args, secret)
    expect(planned).toMatchObject({ changes: [{ diff: { before: mask, after: mask } }] })
    expect(planned).not.toHaveProperty('binding')
    await applyOn(host, templates, args, secret)
    expect(readFileSync(onHost('f'), 'utf8')).toBe('port=hush\n')
  })

  it('may change where a value is not known yet', async () => {
    const args = { src: 'my.conf', dest: onHost('f') }
    const open = await given({ port: new Unknown('later'), peers: [] })
    expect(await planOn(host, templates, args, open)).toMatchObject({
      kind: 'change',
      certainty: 'maybe',
      changes: [{ target: onHost('f'), notes: ['its text is known after apply'] }],
    })
  })

  it('says where the template is wrong', async () => {
    const planned = planOn(
      host,
      templates,
      { src: 'my.conf', dest: onHost('f') },
      await given({ port: 1 }),
    )
    await expect(planned).rejects.toMatchObject({
      code: 'expression.undefined',
      message: '"peers" is not defined',
      place: { file: 'templates/my.conf', line: 2, column: 9 },
    })
  })

  it('is put in place only if validate agrees', async () => {
    const args = { src: 'my.conf', dest: onHost('f'), validate: 'grep -q port=80 %s' }
    const wrong = applyOn(host, templates, args, await given({ port: 1, peers: [] }))
    await expect(wrong).rejects.toMatchObject({ code: 'step.failed' })
    expect(readdirSync(join(top, 'host'))).toEqual([])
    await expectConverges(host, templates, args, await given({ port: 80, peers: [] }))
  })
})

describe('files of the controller', () => {
  const asked = (path: string) => [{ path, folder: 'templates', confined: true }]

  it('are found beside the playbook, in its folder first', async () => {
    writeFileSync(join(playbook, 'f'), 'beside')
    const [beside] = await here().localFiles(asked('f'))
    expect([String(beside?.bytes && Buffer.from(beside.bytes)), beside?.place]).toEqual([
      'beside',
      'f',
    ])
    writeFileSync(join(playbook, 'templates/f'), 'inside')
    const [inside] = await here().localFiles(asked('f'))
    expect(inside?.place).toBe('templates/f')
  })

  it('are not read from anywhere else, by no name and no link', async () => {
    writeFileSync(join(top, 'secret'), 'x')
    symlinkSync(join(top, 'secret'), join(playbook, 'templates/link'))
    symlinkSync(top, join(playbook, 'up'))
    for (const path of ['../secret', '../../secret', join(top, 'secret'), 'link', 'up/secret']) {
      await expect(here().localFiles(asked(path)), path).rejects.toMatchObject({
        code: 'file.unreadable',
        message: `${path} lies outside of the folder of the playbook`,
      })
    }
    await expect(here().localFiles(asked('none'))).rejects.toMatchObject({
      message: expect.stringContaining('templates/none or '),
    })
  })
})

describe('fetch', () => {
  async function given(args: object, name = 'web1'): Promise<Given> {
    const requests = fetches.targets?.(args as never, { host: name }) ?? []
    return { targets: await here().localTargets(requests) }
  }
  async function fetched(args: object, name?: string, on: Host = host) {
    return await applyOn(on, fetches, args, await given(args, name), here())
  }
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) & 255))

  it('copies any bytes below a folder for the host, and is ok the second time', async () => {
    writeFileSync(onHost('f'), bytes)
    const args = { src: onHost('f'), dest: 'kept' }
    const planned = await planOn(host, fetches, args, await given(args))
    expect(planned).toMatchObject({ changes: [{ action: 'create', bytes: bytes.length }] })
    expect(readdirSync(playbook)).toEqual(['templates'])
    const result = await fetched(args)
    const place = join(playbook, 'kept/web1', onHost('f'))
    expect(result['dest']).toBe(place)
    expect(result['checksum']).toBe(result['remote_checksum'])
    expect(readFileSync(place).equals(bytes)).toBe(true)
    expect(statSync(place).mode & 0o777).toBe(0o600)
    expect(await planOn(host, fetches, args, await given(args))).toMatchObject({
      kind: 'unchanged',
    })
    writeFileSync(onHost('f'), 'new')
    await fetched(args)
    expect(readFileSync(place, 'utf8')).toBe('new')
    expect(readdirSync(join(place, '..'))).toEqual(['f'])
  })

  it('keeps a name that is no text byte by byte', async () => {
    const name = textBytes(onHost('x\udcfe'))
    writeFileSync(name, 'x')
    const result = await fetched({ src: onHost('x\udcfe'), dest: join(top, 'kept') })
    expect(readFileSync(textBytes(String(result['dest'])), 'utf8')).toBe('x')
    const entries = readdirSync(join(top, 'kept/web1', top, 'host'), { encoding: 'buffer' })
    expect(entries.map(entry => entry.toString('latin1'))).toEqual(['x\xfe'])
  })

  it('is the file itself with flat, or goes into a folder', async () => {
    writeFileSync(onHost('f'), 'x')
    await fetched({ src: onHost('f'), dest: join(top, 'one'), flat: true })
    await fetched({ src: onHost('f'), dest: `${join(top, 'many')}/`, flat: true })
    expect(readFileSync(join(top, 'one'), 'utf8')).toBe('x')
    expect(readdirSync(join(top, 'many'))).toEqual(['f'])
    const folder = { src: onHost('f'), dest: join(top, 'many'), flat: true }
    await expect(fetched(folder)).rejects.toMatchObject({ code: 'step.failed' })
  })

  it('follows a symlink of the host', async () => {
    writeFileSync(onHost('f'), 'x')
    symlinkSync('f', onHost('l'))
    await fetched({ src: onHost('l'), dest: join(top, 'one'), flat: true })
    expect(readFileSync(join(top, 'one'), 'utf8')).toBe('x')
  })

  it('misses a file aloud, or lets it be', async () => {
    const args = { src: onHost('none'), dest: 'kept' }
    await expect(fetched(args)).rejects.toMatchObject({
      message: `there is no file ${onHost('none')}`,
    })
    const quiet = await fetched({ ...args, fail_on_missing: false })
    expect(quiet).toMatchObject({ msg: `there is no file ${onHost('none')}` })
    await expect(fetched({ src: top, dest: 'kept' })).rejects.toMatchObject({
      message: `${top} is no regular file, and fetch takes nothing else`,
    })
  })

  it('keeps the old file when what arrives is not what was hashed, or breaks off', async () => {
    writeFileSync(onHost('f'), 'right')
    writeFileSync(join(top, 'one'), 'old')
    const args = { src: onHost('f'), dest: join(top, 'one'), flat: true }
    const other = (pieces: readonly (string | Error)[]): Host => ({
      ...host,
      read: async function* () {
        for (const piece of pieces) {
          if (piece instanceof Error) throw piece
          yield Buffer.from(piece)
        }
      },
    })
    await expect(fetched(args, 'a', other(['wro', 'ng']))).rejects.toMatchObject({
      code: 'step.failed',
      message: `${onHost('f')} is not what it was when its hash was taken`,
    })
    await expect(fetched(args, 'a', other(['ri', new Error('lost')]))).rejects.toThrow('lost')
    expect(readFileSync(join(top, 'one'), 'utf8')).toBe('old')
    expect(readdirSync(top).sort()).toEqual(['host', 'one', 'play'])
    await fetched({ ...args, validate_checksum: false }, 'a', other(['wrong']))
    expect(readFileSync(join(top, 'one'), 'utf8')).toBe('wrong')
  })

  it('never writes outside of dest', async () => {
    writeFileSync(onHost('f'), 'x')
    const detour = { src: `/../../..${top}/host/../host/f`, dest: 'kept' }
    expect((await fetched(detour))['dest']).toBe(join(playbook, 'kept/web1', onHost('f')))
    for (const name of ['..', '.', '', 'a/b', '../x']) {
      await expect(fetched(detour, name), name).rejects.toMatchObject({ code: 'step.failed' })
    }
    mkdirSync(join(playbook, 'linked'))
    mkdirSync(join(top, 'elsewhere'))
    symlinkSync(join(top, 'elsewhere'), join(playbook, 'linked/web1'))
    await expect(fetched({ src: onHost('f'), dest: 'linked' })).rejects.toMatchObject({
      code: 'file.unwritable',
      message: expect.stringContaining('is a symlink: nothing is written through it'),
    })
    expect(readdirSync(join(top, 'elsewhere'))).toEqual([])
    await expect(here().localTargets([{ folder: 'kept', name: '../../x' }])).rejects.toMatchObject({
      code: 'file.unwritable',
    })
  })
})
