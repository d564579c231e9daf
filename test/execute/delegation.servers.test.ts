import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, temporaryFolder } from '../cli/run-cli.ts'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'

const data = `/bkp-delegation-${process.pid}`
let servers: SshdHosts
let folder: ReturnType<typeof temporaryFolder>

beforeAll(async () => {
  servers = await startSshd({ names: ['alpha', 'beta'], dataDir: data })
  folder = temporaryFolder()
})
afterAll(async () => {
  await servers.stop()
  folder.remove()
})

/** Runs tasks for alpha, which alone is in the inventory; beta is what listens on the play's port. */
async function run(tasks: string) {
  const { privateKeyFile, port, user } = servers.address('alpha')
  const inventory = join(folder.path, 'inventory.yml')
  const playbook = join(folder.path, 'playbook.yml')
  writeFileSync(
    inventory,
    `all:
  vars:
    ansible_ssh_private_key_file: ${privateKeyFile}
    ansible_ssh_host_key_checking: false
    ansible_user: ${user ?? 'root'}
  hosts:
    alpha: { ansible_host: 127.0.0.1, ansible_port: ${port} }
`,
  )
  writeFileSync(
    playbook,
    `- hosts: all
  port: ${servers.address('beta').port}
  environment: { WHOSE: "{{ inventory_hostname }}" }
  tasks:
${tasks}`,
  )
  const state = join(folder.path, 'state')
  return await runCli(['run', playbook, '-i', inventory, '--state-dir', state], {
    directory: folder.path,
  })
}

describe('a delegated step over ssh', () => {
  it('works on a delegate that no inventory has, reached as the play says, with its own variables', async () => {
    const outcome =
      await run(`    - copy: { content: "for {{ inventory_hostname }}", dest: ${data}/file }
      delegate_to: '127.1'
    - shell: echo "$WHOSE here" >${data}/log
    - shell: echo "$WHOSE there $MORE" >${data}/log
      delegate_to: '127.1'
      environment: { MORE: 3 }
`)
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0)
    expect(servers.runOn('beta', `cat ${data}/file`)).toBe('for alpha')
    expect(servers.runOn('beta', `cat ${data}/log`)).toBe('alpha there 3\n')
    expect(servers.runOn('alpha', `ls ${data}; cat ${data}/log`)).toBe('log\nalpha here\n')
  })

  it('says of both hosts that a delegate cannot be reached', async () => {
    const outcome = await run(`    - command: "true"
      delegate_to: 127.0.0.2
      port: 1
`)
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(4)
    expect(outcome.stdout).toContain(
      '127.0.0.2, to which the step of alpha is delegated, cannot be reached',
    )
  })
})
