import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { addSudoUsers, sudoPassword, sudoUsers } from '../servers/sudo.ts'
import { explain, makeWorkspace, type Workspace } from '../slice/bkp.ts'
import { journalOf, runOf, startRun, until } from './live-run.ts'

const folder = `/bkp-become-${process.pid}`
const home = `${folder}/home/${sudoUsers.database}`
let servers: SshdHosts
let here: Workspace

beforeAll(async () => {
  servers = await startSshd({ names: ['alpha', 'beta'], dataDir: folder })
  for (const { name } of servers.hosts) addSudoUsers(servers, name)
})
afterAll(() => servers.stop())
beforeEach(() => {
  here = makeWorkspace()
})
afterEach(() => {
  for (const { name } of servers.hosts) servers.runOn(name, `rm -rf ${home}/* ${folder}/work`)
  here.remove()
})

/** Hosts that are reached as a user whom sudo asks for its password, which lies in a file. */
function inventory(password: string, more: Readonly<Record<string, unknown>> = {}): void {
  writeFileSync(join(here.folder, 'password'), `${password}\n`)
  const hosts = servers.hosts.map(({ name, port }) => [
    name,
    {
      ansible_host: '127.0.0.1',
      ansible_port: port,
      ansible_user: sudoUsers.asked,
      ansible_become_password: { file: join(here.folder, 'password') },
      ansible_ssh_private_key_file: servers.privateKeyFile,
      ansible_ssh_common_args: `-o UserKnownHostsFile=${servers.knownHostsFile}`,
      ...more,
    },
  ])
  writeFileSync(here.inventory, JSON.stringify({ all: { hosts: Object.fromEntries(hosts) } }))
}

function playbook(text: string): string {
  const path = join(here.folder, 'book.yml')
  writeFileSync(path, text)
  return path
}

const on = (host: string, text: string) => servers.runOn(host, `cd ${home}; ${text}`).trim()
const who = (file: string) => `shell: "id -un >> ${home}/${file}"`
const db = sudoUsers.database

test('plans, steps, rollbacks and releases are those of the user they become', () => {
  inventory(sudoPassword)
  // Only its owner can look into this folder: a plan that looked as anybody else would see nothing.
  on('alpha', `echo there >private; chown ${db} private; chmod 600 private`)
  on('beta', `echo there >private; chown ${db} private; chmod 600 private`)
  const book = playbook(`
- hosts: all
  become: true
  tasks:
    - stat: { path: ${home}/private }
      become_user: ${db}
      register: seen
    - assert: { that: [seen.stat.exists, 'seen.stat.size == 6'] }
    - name: As the one who logs in
      command: id -un
      become: false
      register: login
    - assert: { that: [login.stdout == '${sudoUsers.asked}'] }
    - copy: { dest: ${folder}/work, content: only root writes here }
    - block:
        - ${who('steps')}
          rollback: { ${who('rollbacks')} }
          release: { ${who('releases')} }
        - ${who('roots')}
          become_user: root
        - command: "false"
      rescue:
        - copy: { dest: ${home}/kept, content: "rescued", mode: "0600" }
      become_user: ${db}
`)
  const plan = here.run(['plan', book, '-i', here.inventory])
  expect(plan.status, explain(plan)).toBe(0)
  const run = here.run(['run', book, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(0)
  for (const host of ['alpha', 'beta']) {
    expect(on(host, 'cat steps rollbacks releases roots')).toBe([db, db, db, 'root'].join('\n'))
    expect(on(host, `stat -c "%U %a" kept ${folder}/work`)).toBe(`${db} 600\nroot 644`)
  }
  const journal = readFileSync(join(here.state, 'runs', runOf(here), 'journal.jsonl'), 'utf8')
  for (const text of [journal, run.stdout, run.stderr, plan.stdout]) {
    expect(text).not.toContain(JSON.stringify(sudoPassword).slice(1, -1))
    expect(text).not.toContain(sudoPassword)
  }
})

test('variables of the host win over the keywords, and a wrong password fails the step', () => {
  inventory(sudoPassword, { ansible_become: true, ansible_become_user: db })
  const book = playbook(`
- hosts: alpha
  tasks:
    - ${who('whoever')}
      become: false
      become_user: root
`)
  const run = here.run(['run', book, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(0)
  expect(on('alpha', 'cat whoever')).toBe(db)
  inventory('not the password', { ansible_become: true, ansible_become_user: db })
  const wrong = here.run(['run', book, '-i', here.inventory])
  expect(wrong.status, explain(wrong)).toBe(2)
  expect(wrong.stdout).toContain('become.failed')
  expect(wrong.stdout).toContain('sudo on alpha does not take the password')
  expect(wrong.stdout + wrong.stderr).not.toContain('not the password')
})

test('a run that was killed goes on as the same user, and so does its watchdog', async () => {
  inventory(sudoPassword)
  const book = playbook(`
- hosts: alpha
  become: true
  become_user: ${db}
  tasks:
    - block:
        - ${who('frozen')}
          deadline: 2s
          release: { ${who('thawed')} }
        - shell: "touch ${home}/waits; while [ ! -e ${home}/go ]; do sleep 0.05; done"
        - ${who('done')}
`)
  const run = startRun(here, ['run', book, '-i', here.inventory])
  await until('the block is entered', () => on('alpha', 'ls').includes('waits'), {
    context: run.output,
  })
  run.signal('SIGKILL')
  await run.ended
  // Nobody is heard of any more: the host releases by itself.
  await servers.waitOn('alpha', `while [ ! -e ${home}/thawed ]; do sleep 0.05; done`)
  on('alpha', 'touch go')
  const resumed = here.run(['resume', runOf(here)])
  expect(resumed.status, explain(resumed)).toBe(0)
  for (const file of ['frozen', 'thawed', 'done']) {
    expect(new Set(on('alpha', `cat ${file}`).split('\n')), file).toEqual(new Set([db]))
  }
  // Its release was run by the watchdog, so the step was done again, and released again.
  expect(on('alpha', 'wc -l <frozen; wc -l <thawed').split('\n')).toEqual(['2', '2'])
  const settled = journalOf(here).filter(({ event }) => event === 'settled')
  expect(settled).toHaveLength(2)
  expect(on('alpha', `ls -A /tmp | grep -e "-watchdog-${runOf(here)}" || :`)).toBe('')
})
