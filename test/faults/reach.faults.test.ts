import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, Server, utils } from 'ssh2'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../servers/free-port.ts'
import { explain } from '../slice/bkp.ts'
import { journalOf, startRun, textOf } from './live-run.ts'
import { type Faultsite, makeSite } from './sites.ts'

let site: Faultsite | undefined

afterEach(async () => {
  await site?.stop()
  site = undefined
})

const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`
const logOf = (here: Faultsite, host: string): string => textOf(join(here.dir(host), 'log'))

/** Freezes hosts and stores them; `first` stands before the freeze. */
const book = (first: string): string => `
- hosts: data
  any_errors_fatal: true
  tasks:
${first}    - name: Freeze
      ${sh('echo freeze >> log')}
      release: { ${sh('echo thaw >> log')} }
    - repository.backup: { storage: vault, cluster: data }
`

/** The site's inventory with other variables for one host, and with a storage and a cluster. */
function extend(here: Faultsite, host: string, vars: Readonly<Record<string, unknown>>): void {
  const inventory = JSON.parse(readFileSync(here.inventory, 'utf8'))
  Object.assign(inventory.all.hosts[host], vars)
  inventory.storages = { vault: { type: 'file', path: here.storage } }
  inventory.clusters = {
    data: {
      kind: 'files',
      hosts: here.hosts.join(':'),
      paths: Object.fromEntries(here.hosts.map(name => [name, [here.dir(name)]])),
    },
  }
  writeFileSync(here.inventory, JSON.stringify(inventory))
}

function manifestsOf({ storage }: Faultsite): readonly string[] {
  const manifests = join(storage, 'manifests')
  return existsSync(manifests) ? readdirSync(manifests) : []
}

/** How the step of that name ended, by host. */
function endings(here: Faultsite, name: string): Readonly<Record<string, string>> {
  const ends = journalOf(here).flatMap(event =>
    event.event === 'step.finished' && event.name === name ? [[event.host, event.status]] : [],
  )
  return Object.fromEntries(ends)
}

test('row 3: one host of three is unreachable: it alone is called so, and any_errors_fatal ends the play before anything is frozen', async () => {
  const here = await makeSite('ssh', ['alpha', 'beta', 'gamma'])
  site = here
  extend(here, 'beta', { ansible_port: await freePort(), ansible_ssh_timeout: 2 })
  const playbook = here.playbook(book('    - name: Look\n      stat: { path: "{{ dir }}" }\n'))
  const run = here.run(['run', playbook, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(4)
  expect(run.stdout).toContain('ssh.unreachable')
  expect(endings(here, 'Look')).toEqual({ alpha: 'ok', beta: 'unreachable', gamma: 'ok' })
  expect(journalOf(here).at(-1)).toMatchObject({
    event: 'run.finished',
    recap: { beta: { unreachable: 1 }, alpha: { unreachable: 0, failed: 0 } },
  })
  for (const host of here.hosts) expect(logOf(here, host)).toBe('')
  expect(manifestsOf(here)).toEqual([])
})

test('row 3: where the freeze itself finds the host unreachable, the others are thawed and nothing is stored', async () => {
  const here = await makeSite('ssh', ['alpha', 'beta'])
  site = here
  extend(here, 'beta', { ansible_port: await freePort(), ansible_ssh_timeout: 2 })
  const run = here.run(['run', here.playbook(book('')), '-i', here.inventory])
  expect(run.status, explain(run)).toBe(4)
  expect(logOf(here, 'alpha')).toBe('freeze\nthaw\n')
  // What never began on beta is not owed there: it would keep the status at 9 until beta is back.
  expect(journalOf(here)).toContainEqual(
    expect.objectContaining({ event: 'settled', host: 'beta', outcome: 'dropped' }),
  )
  expect(manifestsOf(here)).toEqual([])
  expect(here.run(['owed']).status).toBe(0)
})

test('row 4: a host whose key has changed is refused by name, before anyone tries to log in', async () => {
  const here = await makeSite('ssh', ['alpha', 'beta'])
  site = here
  let attempts = 0
  const clients: Connection[] = []
  // Another machine has taken the place of beta: it has a key of its own, and lets everyone in.
  const impostor = new Server(
    { hostKeys: [utils.generateKeyPairSync('ed25519').private] },
    client => {
      clients.push(client)
      client.on('error', () => {})
      client.on('authentication', login => {
        attempts += 1
        login.accept()
      })
    },
  ).listen(0, '127.0.0.1')
  await new Promise(resolve => impostor.once('listening', resolve))
  const address = impostor.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const known = here.daemons?.knownHostsFile ?? ''
  const before = here.daemons?.address('beta').port ?? 0
  const text = readFileSync(known, 'utf8')
  writeFileSync(known, text.replace(`]:${before} `, `]:${port} `))
  extend(here, 'beta', { ansible_port: port, ansible_password: 'open sesame' })
  try {
    const playbook = here.playbook(book('    - name: Look\n      stat: { path: "{{ dir }}" }\n'))
    const run = startRun(here, ['run', playbook, '-i', here.inventory])
    expect((await run.ended).status, run.output()).toBe(4)
    const refused = journalOf(here).find(
      event => event.event === 'step.finished' && event.host === 'beta',
    )
    expect(refused).toMatchObject({ failure: { code: 'ssh.host_key_changed' } })
    expect(refused).toMatchObject({ failure: { hint: expect.stringContaining('ssh-keygen -R') } })
    expect(clients.length).toBeGreaterThan(0)
    expect(attempts).toBe(0)
    for (const host of here.hosts) expect(logOf(here, host)).toBe('')
  } finally {
    await new Promise(resolve => impostor.close(resolve))
  }
})
