import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CanaryScene, canaries, leaksIn, makeCanaryScene, type Sampled } from './canary.ts'

let scene: CanaryScene
beforeAll(async () => {
  scene = await makeCanaryScene()
  scene.write('good.yml', good(scene.folder))
  scene.write('bad.yml', bad(scene.folder))
})
afterAll(async () => await scene.stop())

const secrets = {
  env_password: canaries.env,
  file_password: canaries.file,
  command_password: canaries.command,
  plain_password: canaries.plain,
  vault_password: canaries.vaultValue,
  db_password: canaries.vaultFile,
  extra_password: canaries.extra,
}
const names = Object.keys(secrets)

/** Waits, on the host, until the test has looked at all processes. */
const sleep = (folder: string): string =>
  `: >${folder}/started-$1; while [ ! -e ${folder}/go-$1 ]; do sleep 0.05; done`

/** Every secret goes where a secret may go, and comes back as output. */
function good(folder: string): string {
  return `
- hosts: all
  gather_facts: false
  vars:
    joined: "${names.map(name => `{{ ${name} }}`).join('|')}"
  tasks:
    - file: { path: "${folder}/{{ inventory_hostname }}", state: directory, mode: "0700" }
      when: "true"
${names
  .map(
    name => `
    - name: what a command reads, ${name}
      shell:
        cmd: "cat >${folder}/{{ inventory_hostname }}/${name}; set -- {{ inventory_hostname }}-${name}; ${sleep(folder)}"
        stdin: "{{ ${name} }}"
        stdin_add_newline: false
    - name: what a file holds, ${name}
      copy: { content: "user=x\\npassword={{ ${name} }}\\n", dest: "${folder}/{{ inventory_hostname }}/copy-${name}" }
    - name: what a command prints, ${name}
      shell: "cat ${folder}/{{ inventory_hostname }}/${name}; cat ${folder}/{{ inventory_hostname }}/${name} >&2"
      register: printed
    - debug: { var: printed }
    - debug: { msg: "{{ ${name} }} and {{ printed.stdout }}" }
    - shell: "base64 <${folder}/{{ inventory_hostname }}/${name}; od -An -tx1 ${folder}/{{ inventory_hostname }}/${name} | tr -d ' \\\\n'"
    - set_fact: { fact: "x{{ ${name} }}x", "plain_${name}": "{{ printed.stdout }}" }
    - debug: { msg: "item {{ item }}" }
      loop: ["{{ ${name} }}", "{{ printed.stdout }}"]
`,
  )
  .join('')}
    - copy: { content: "{{ joined }}", dest: "${folder}/{{ inventory_hostname }}/joined" }
    - name: what no_log hides
      shell: "echo ${'hidden-Canary'}-no-log-$((0 + 1)); echo ${'hidden-Canary'}-no-log-$((0 + 1)) >&2"
      no_log: true
      register: hidden
    - assert: { that: "hidden.stdout.endsWith('no-log-1')" }
    - name: the fact of {{ env_password }}
      debug: { var: "[fact, joined, json(joined)]" }
`
}

/** Every way in which a step with a secret can fail. */
function bad(folder: string): string {
  const block = (name: string, task: string, index: number): string => `
    - name: failing with ${name}, ${index}
${task.trimEnd()}
      ignore_errors: true
`
  const tasks = (name: string): readonly string[] => [
    `      shell: { cmd: "cat >&2; exit 3", stdin: "{{ ${name} }}" }`,
    `      shell: { cmd: "cat; exit 3", stdin: "{{ ${name} }}" }\n      register: broken`,
    `      shell: "echo {{ ${name} }}"`,
    `      command: { argv: [echo, "{{ ${name} }}"] }`,
    `      debug: { msg: x }\n      when: ${name}`,
    `      debug: { msg: x }\n      when: ${name} + 1 > 2`,
    `      debug: { msg: "{{ ${name}.nope }}" }`,
    `      debug: { msg: "{{ int(${name}) }}" }`,
    `      assert: { that: "${name} == 'no'", fail_msg: "it is {{ ${name} }}" }`,
    `      fail: { msg: "it is {{ ${name} }}" }`,
    `      copy: { content: x, dest: "/nowhere/{{ ${name} }}" }`,
    `      copy: { content: "{{ ${name} }}", dest: /nowhere/at/all }`,
    `      file: { path: "relative/{{ ${name} }}", state: directory }`,
    `      debug: { msg: "{{ item }}" }\n      loop: "{{ ${name} }}"`,
    `      shell: { cmd: cat, stdin: "{{ ${name} }}" }\n      register: out\n      failed_when: "out.stdout != ''"`,
  ]
  return `
- hosts: all
  tasks:
${names.flatMap(name => tasks(name).map((task, index) => block(name, task, index))).join('')}
    - name: the last one fails for good
      shell: { cmd: "cat >&2; : ${folder}; exit 4", stdin: "{{ env_password }}{{ file_password }}" }
`
}

const options = (): readonly string[] => [
  '-i',
  scene.inventory,
  '--vault-password-file',
  join(scene.folder, 'vault-password'),
  '-e',
  `@${join(scene.folder, 'vaulted.yml')}`,
  '-e',
  'ansible_user=bkp-canary',
  '-e',
  JSON.stringify({ extra_password: canaries.extra }),
]

function expectSilence({ stdout, stderr, leaks, samples }: Sampled): void {
  expect(leaksIn(stdout)).toEqual([])
  expect(leaksIn(stderr)).toEqual([])
  // The one that is given on the command line is there, whoever takes it.
  expect(leaks.filter(leak => !leak.includes('extra-Canary'))).toEqual([])
  expect(samples).toBeGreaterThan(10)
  expect(scene.leaksOnDisk()).toEqual([])
}

describe('no secret is seen anywhere', () => {
  it.each([
    ['-v', '--diff'],
    ['--output', 'json', '-v', '--diff'],
  ])('in a run with %s %s', async (...flags) => {
    const run = await scene.runSampled([
      'run',
      join(scene.folder, 'good.yml'),
      ...options(),
      ...flags,
    ])
    expect(`${run.status}\n${run.status === 0 ? '' : run.stdout + run.stderr}`).toBe('0\n')
    expectSilence(run)
    expect(run.stdout).toContain('••••')
    expect(run.stdout).toContain('output hidden by no_log')
    // The secrets did get where they were to go, through doors that they opened.
    for (const host of scene.hosts) {
      for (const [name, value] of Object.entries(secrets)) {
        const seen = readFileSync(join(scene.folder, host, name), 'utf8')
        expect(seen).toBe(value)
      }
    }
  })

  it.each([
    ['-v', '--diff'],
    ['--output', 'json'],
  ])('in a failing run with %s %s', async (...flags) => {
    const run = await scene.runSampled([
      'run',
      join(scene.folder, 'bad.yml'),
      ...options(),
      ...flags,
    ])
    expect(run.status).toBe(2)
    expectSilence(run)
    expect(run.stdout).toContain('••••')
  })

  it.each([['good.yml'], ['bad.yml']])('in a plan of %s', async book => {
    for (const flags of [['-v', '--diff'], ['--json']]) {
      const run = await scene.runSampled(['plan', join(scene.folder, book), ...options(), ...flags])
      expect([0, 2]).toContain(run.status)
      expectSilence(run)
    }
  })

  it('when nobody is let in', async () => {
    const wrong = ['-e', 'ansible_password=lg1n-Canary-wrong']
    const run = await scene.runSampled([
      'run',
      join(scene.folder, 'good.yml'),
      ...options(),
      ...wrong,
    ])
    expect([3, 4]).toContain(run.status)
    expect(leaksIn(run.stdout + run.stderr)).toEqual([])
    expect(scene.leaksOnDisk()).toEqual([])
  })
})

describe('the test can fail', () => {
  it('finds a canary in output, in arguments and in the environment', async () => {
    expect(leaksIn(`x ${canaries.env}`)).toEqual(['env-Canary'])
    expect(leaksIn(Buffer.from(canaries.file).toString('hex'))).toHaveLength(1)
    const leaky = `
- hosts: here
  tasks:
    - shell: "sleep 5 & : env-$((0))Canary; exec env X=plain-'Canary' sh -c '${sleep(scene.folder)}' sh leaky"
`
    scene.write('leaky.yml', leaky)
    const run = await scene.runSampled(['run', join(scene.folder, 'leaky.yml'), ...options()])
    expect(run.leaks.join()).toContain('environ: plain-Canary')
  })
})
