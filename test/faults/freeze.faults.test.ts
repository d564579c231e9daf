import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { explain } from '../slice/bkp.ts'
import { journalOf, runOf, startRun, textOf } from './live-run.ts'
import { type Faultsite, makeSite } from './sites.ts'

let site: Faultsite | undefined

afterEach(async () => {
  await site?.stop()
  site = undefined
})

const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`
const logOf = (here: Faultsite, host: string): string => textOf(join(here.dir(host), 'log'))

/** The inventory with more for one host, and with a storage and a cluster of all hosts. */
function extend(
  here: Faultsite,
  more: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
) {
  const inventory = JSON.parse(readFileSync(here.inventory, 'utf8'))
  for (const [host, vars] of Object.entries(more)) Object.assign(inventory.all.hosts[host], vars)
  inventory.storages = { vault: { type: 'file', path: here.storage } }
  inventory.clusters = {
    data: {
      kind: 'files',
      hosts: here.hosts.join(':'),
      paths: Object.fromEntries(here.hosts.map(host => [host, [here.dir(host)]])),
    },
  }
  writeFileSync(here.inventory, JSON.stringify(inventory))
}

test('row 5: a host that greets and says no more is given up; the others go on, one at a time too', async () => {
  const here = await makeSite('ssh', ['alpha', 'beta', 'gamma'])
  site = here
  const held: Socket[] = []
  const server = createServer(socket => {
    held.push(socket)
    socket.on('error', () => {})
    socket.write('SSH-2.0-silent\r\n')
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  extend(here, { alpha: { ansible_port: port, ansible_ssh_timeout: 1 } })
  try {
    const book = here.playbook(`
- hosts: all
  tasks:
    - ${sh('echo one >> log')}
    - ${sh('echo two >> log')}
`)
    const run = startRun(here, ['run', book, '-i', here.inventory, '--forks', '1'])
    expect((await run.ended).status, run.output()).toBe(4)
    expect(run.output()).toContain('ssh.unreachable')
    expect(logOf(here, 'alpha')).toBe('')
    for (const host of ['beta', 'gamma']) expect(logOf(here, host)).toBe('one\ntwo\n')
    expect(held.length).toBeGreaterThan(0)
  } finally {
    for (const socket of held) socket.destroy()
    server.close()
  }
})

test('row 8: two of three shards are frozen and the third fails: all are thawed, newest first, and nothing is stored', async () => {
  const here = await makeSite('local', ['alpha', 'beta'])
  site = here
  extend(here, {})
  const book = here.playbook(`
- hosts: data
  any_errors_fatal: true
  tasks:
    - name: Freeze
      ${sh('echo freeze {{ item }} >> log; [ {{ item }} != 3 ] || [ {{ inventory_hostname }} != beta ]')}
      loop: [1, 2, 3]
      release: { ${sh('echo thaw {{ item }} >> log')} }
    - repository.backup: { storage: vault, cluster: data }
`)
  const run = here.run(['run', book, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(2)
  const wanted = ['freeze 1', 'freeze 2', 'freeze 3', 'thaw 3', 'thaw 2', 'thaw 1', '']
  for (const host of here.hosts) expect(logOf(here, host).split('\n')).toEqual(wanted)
  const manifests = join(here.storage, 'manifests')
  expect(existsSync(manifests) ? readdirSync(manifests) : []).toEqual([])
  expect(here.run(['owed']).status).toBe(0)
})

test('row 9: a thaw that fails three times is loud: status 9, the hosts, the command to retry', async () => {
  const here = await makeSite('local', ['alpha', 'beta'])
  site = here
  const book = here.playbook(`
- hosts: all
  tasks:
    - ${sh('echo freeze >> log')}
      release: { name: Thaw, ${sh('echo thaw >> log; [ ! -e stuck ]')} }
`)
  writeFileSync(join(here.dir('beta'), 'stuck'), '')
  const run = here.run(['run', book, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(9)
  expect(logOf(here, 'alpha')).toBe('freeze\nthaw\n')
  expect(logOf(here, 'beta')).toBe('freeze\nthaw\nthaw\nthaw\n')
  expect(run.stdout).toMatch(/run\.owed: still owed: .* on beta\n/)
  expect(run.stdout).toContain(`next: bkp abort ${runOf(here)}`)
  expect(journalOf(here).at(-1)).toMatchObject({
    event: 'run.finished',
    exit_code: 9,
    failure: { code: 'run.owed' },
  })
  const owed = here.run(['owed', '--json'])
  expect(JSON.parse(owed.stdout)).toMatchObject({ owed: [{ kind: 'release', hosts: ['beta'] }] })
})
