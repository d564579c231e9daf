import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConnectedHost } from '../../src/connection/host.ts'
import { service } from '../../src/modules/builtin/service.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { shellHost } from '../connection/support.ts'
import { applyOn, expectConverges, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'

const services = hostModule(anyModule(service))
let folder = ''
let here: ConnectedHost

function unit(name: string, properties: Readonly<Record<string, string>> = {}): void {
  mkdirSync(join(folder, name))
  for (const [key, value] of Object.entries(properties)) {
    writeFileSync(join(folder, name, key), `${value}\n`)
  }
}
const calls = (): readonly string[] =>
  readFileSync(join(folder, 'calls'), 'utf8')
    .split('\n')
    .filter(line => /^--no-ask-password/.test(line))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-service-'))
  mkdirSync(join(folder, '.bin'))
  const fake = fileURLToPath(new URL('fake-systemctl.sh', import.meta.url))
  copyFileSync(fake, join(folder, '.bin/systemctl'))
  here = shellHost({ env: { PATH: `${join(folder, '.bin')}:/usr/bin:/bin`, UNITS: folder } })
})
afterEach(async () => {
  await here.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('service with systemd', () => {
  it('starts and enables, and the second time does nothing', async () => {
    unit('db')
    const args = { name: 'db', state: 'started', enabled: true }
    const result = await expectConverges(here.host, services, args)
    expect(result).toMatchObject({
      name: 'db',
      state: 'started',
      enabled: true,
      status: { ActiveState: 'active', LoadState: 'loaded' },
    })
    expect(calls()).toEqual(['--no-ask-password enable -- db', '--no-ask-password start -- db'])
  })

  it('plans without telling systemd to do anything', async () => {
    unit('db', { active: 'active' })
    const decision = await planOn(here.host, services, { name: 'db', state: 'stopped' })
    expect(decision).toMatchObject({
      changes: [{ target: 'service db', notes: ['active -> stopped'] }],
    })
    expect(calls()).toEqual([])
  })

  it('waits until it is up, and until it is down', async () => {
    unit('db', { turns: '0' })
    writeFileSync(join(folder, 'db/turns'), '3')
    expect(await applyOn(here.host, services, { name: 'db', state: 'started' })).toMatchObject({
      status: { ActiveState: 'active' },
    })
    writeFileSync(join(folder, 'db/turns'), '0')
    await expectConverges(here.host, services, { name: 'db', state: 'stopped' })
  })

  it('fails where what was started is dead again', async () => {
    unit('db', { dies: '1', sub: 'failed' })
    const starting = applyOn(here.host, services, { name: 'db', state: 'started' })
    await expect(starting).rejects.toMatchObject({
      code: 'step.failed',
      message: 'db did not come up: it is failed (failed, result exit-code)',
      hint: expect.stringContaining('journalctl -u db'),
    })
  })

  it('takes a oneshot that has done its work for started', async () => {
    unit('job', { type: 'oneshot' })
    await applyOn(here.host, services, { name: 'job', state: 'started' })
    expect(existsSync(join(folder, 'job/ran'))).toBe(true)
  })

  it('shows what systemd says when it refuses', async () => {
    unit('db', { refuses: '1' })
    const starting = applyOn(here.host, services, { name: 'db', state: 'restarted' })
    await expect(starting).rejects.toMatchObject({
      code: 'command.failed',
      details: { stderr: 'Job for db failed.' },
    })
  })

  it('reloads what runs and starts what does not', async () => {
    unit('a', { active: 'active' })
    unit('b')
    await applyOn(here.host, services, { name: 'a', state: 'reloaded' })
    await applyOn(here.host, services, { name: 'b', state: 'reloaded' })
    expect(calls()).toEqual(['--no-ask-password reload -- a', '--no-ask-password start -- b'])
  })

  it('tells that there is no such service', async () => {
    await expect(planOn(here.host, services, { name: 'dbb', state: 'started' })).rejects.toThrow(
      'there is no service "dbb" on the host',
    )
  })

  it.each(['-M', 'a b', '../x', 'a;b', ''])('is never asked about %j', async name => {
    await expect(planOn(here.host, services, { name, state: 'started' })).rejects.toMatchObject({
      code: 'command.invalid',
    })
  })
})
