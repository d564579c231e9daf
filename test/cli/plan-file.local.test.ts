import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type PlanFile, planFileDigest } from '../../src/execute/plan-file/format.ts'
import { type CliOutcome, lastLine, runCli, temporaryFolder } from './run-cli.ts'

let folder: ReturnType<typeof temporaryFolder>

beforeEach(() => {
  folder = temporaryFolder()
  write('inventory.yml', 'all: { hosts: { here: { ansible_connection: local } } }\n')
})

afterEach(() => folder.remove())

const at = (name: string): string => join(folder.path, name)

function write(name: string, text: string): void {
  mkdirSync(join(at(name), '..'), { recursive: true })
  writeFileSync(at(name), text)
}

function playbook(...tasks: readonly string[]): void {
  write(
    'site.yml',
    ['- hosts: all', '  tasks:', ...tasks.map(task => `    - ${task}`), ''].join('\n'),
  )
}

async function bkp(...words: readonly string[]): Promise<CliOutcome> {
  const environment = { BKP_STATE_DIR: at('state'), HOME: folder.path }
  return await runCli(words, { directory: folder.path, environment })
}

async function plan(...more: readonly string[]): Promise<CliOutcome> {
  return await bkp('plan', at('site.yml'), '-i', at('inventory.yml'), '--out', 'plan.json', ...more)
}

function planned(): PlanFile {
  return JSON.parse(readFileSync(at('plan.json'), 'utf8')) as PlanFile
}

/** Writes the plan with another content, its digest as it would have to be. */
function forge(change: (file: Record<string, unknown>) => void, { sealed = true } = {}): void {
  const file = planned() as unknown as Record<string, unknown>
  change(file)
  if (sealed) file['digest'] = planFileDigest(file as unknown as PlanFile)
  writeFileSync(at('plan.json'), JSON.stringify(file, undefined, 2))
}

it('keeps a plan that only its owner reads, and applies exactly that', async () => {
  playbook(`copy: { dest: ${at('made')}, content: "a\\nb\\n" }`)
  const made = await plan('--expires', '2h')
  expect(made).toMatchObject({ status: 0, stderr: '' })
  expect(statSync(at('plan.json')).mode & 0o777).toBe(0o600)
  const { created, expires, documents, plan: content } = planned()
  expect(Date.parse(expires) - Date.parse(created)).toBe(2 * 60 * 60 * 1000)
  expect(made.stdout).toContain(`until ${expires}`)
  expect(documents.map(({ path }) => path)).toEqual([at('site.yml'), at('inventory.yml')])
  expect(content.changes).toMatchObject([
    { action: 'create', target: at('made'), certainty: 'sure' },
  ])
  expect(content.binding).toMatchObject([{ facts: { sha256: expect.stringMatching(/^\w{64}$/) } }])

  const applied = await bkp('apply', 'plan.json', '--output', 'json')
  expect(applied.status).toBe(0)
  expect(JSON.parse(applied.stdout.split('\n')[0] ?? '')).toMatchObject({ plan: content.digest })
  expect(lastLine(applied.stdout)).toMatchObject({ event: 'run.finished', exit_code: 0 })
  expect(readFileSync(at('made'), 'utf8')).toBe('a\nb\n')
})

it('is not written where planning fails', async () => {
  playbook('fail: { msg: no }')
  expect((await plan()).status).toBe(2)
  expect(existsSync(at('plan.json'))).toBe(false)
})

it('tells pending changes by the exit status, its plan kept', async () => {
  playbook(`copy: { dest: ${at('made')}, content: a }`)
  expect((await plan('--detailed-exitcode')).status).toBe(10)
  expect((await bkp('apply', 'plan.json')).status).toBe(0)
  expect((await plan('--detailed-exitcode')).status).toBe(0)
})

it('refuses documents that were edited, with the lines of both sides', async () => {
  playbook(`copy: { dest: ${at('made')}, content: a }`)
  await plan()
  playbook(`copy: { dest: ${at('made')}, content: b }`)
  write('group_vars/all.yml', 'more: 1\n')
  const refused = await bkp('apply', 'plan.json')
  expect(refused.status).toBe(8)
  expect(refused.stderr).toContain(`${at('site.yml')} differs from line 3 on`)
  expect(refused.stderr).toContain(`-    - copy: { dest: ${at('made')}, content: a }`)
  expect(refused.stderr).toContain(`+    - copy: { dest: ${at('made')}, content: b }`)
  expect(refused.stderr).toContain(`${at('group_vars/all.yml')} is part of it now`)
  expect(existsSync(at('made'))).toBe(false)
})

it('refuses what it would do differently, with both sides, and does nothing', async () => {
  playbook(
    `copy: { dest: ${at('first')}, content: a }`,
    `file: { path: ${at('gone')}, state: absent }`,
  )
  write('gone', 'x')
  await plan()
  rmSync(at('gone'))
  mkdirSync(at('gone'))
  const refused = await bkp('apply', 'plan.json')
  expect(refused.status).toBe(8)
  expect(refused.stderr).toContain('removes approved: "file"')
  expect(refused.stderr).toContain('removes now: "directory"')
  expect(existsSync(at('gone'))).toBe(true)
  rmSync(at('gone'), { recursive: true })
  const done = await bkp('apply', 'plan.json', '--output', 'json')
  expect(done.status).toBe(8)
  expect(lastLine(done.stdout)).toMatchObject({
    exit_code: 8,
    failure: {
      code: 'run.plan_stale',
      message: expect.stringMatching(/approved: delete .*gone.*\n {2}now: nothing/),
    },
  })
  expect(existsSync(at('first'))).toBe(false)
})

it('refuses another content of a file of the controller, which is no document', async () => {
  playbook(`copy: { dest: ${at('made')}, src: my.conf }`)
  write('my.conf', 'one')
  await plan()
  write('my.conf', 'two')
  const refused = await bkp('apply', 'plan.json')
  expect(refused).toMatchObject({ status: 8, stderr: expect.stringContaining('file my.conf now:') })
})

it('lets what may change turn out either way', async () => {
  playbook(
    `{ name: look, command: "test -e ${at('there')}", register: found, failed_when: false }`,
    `{ name: make, copy: { dest: ${at('made')}, content: a }, when: found.rc == 0 }`,
  )
  await plan()
  expect(planned().plan.changes.map(({ certainty }) => certainty)).toEqual(['maybe', 'maybe'])
  expect((await bkp('apply', 'plan.json')).status).toBe(0)
  expect(existsSync(at('made'))).toBe(false)
  write('there', '')
  expect((await bkp('apply', 'plan.json')).status).toBe(0)
  expect(existsSync(at('made'))).toBe(true)
})

it('stops a step that would do more than was approved while it runs', async () => {
  write('tree', 'a file')
  playbook(
    `{ name: swap, shell: "rm ${at('tree')} && mkdir -p ${at('tree/full')}" }`,
    `{ name: drop, file: { path: ${at('tree')}, state: absent } }`,
    `{ name: after, copy: { dest: ${at('after')}, content: a } }`,
  )
  await plan()
  expect(planned().plan.binding[0]).toMatchObject({ name: 'drop', facts: { removes: 'file' } })
  const refused = await bkp('apply', 'plan.json', '--output', 'json')
  expect(refused.status).toBe(8)
  expect(refused.stdout).toContain('"code":"plan.stale"')
  expect([existsSync(at('tree/full')), existsSync(at('after'))]).toEqual([true, false])
})

it('holds a step whose arguments come from another to what it may destroy', async () => {
  const steps = (state: string): void =>
    playbook(
      `{ name: ask, command: "echo ${at('tree')}", register: said }`,
      `{ name: change, file: { path: "{{ said.stdout }}", state: "${state}" } }`,
    )
  write('tree/a', 'x')
  steps('absent')
  const made = await plan()
  expect(made.stdout).toContain('DESTRUCTIVE')
  expect((await bkp('apply', 'plan.json')).status).toBe(0)
  expect(existsSync(at('tree'))).toBe(false)
  write('tree/a', 'x')
  await plan()
  forge(file => {
    for (const change of (file as unknown as PlanFile).plan.changes) {
      Object.assign(change, { destructive: false })
    }
  })
  const refused = await bkp('apply', 'plan.json')
  expect(refused.status).toBe(8)
  expect(existsSync(at('tree'))).toBe(true)
})

it('keeps no secret, and asks for it again', async () => {
  playbook(`copy: { dest: ${at('made')}, content: "pw={{ db_password }}" }`)
  await plan('--diff', '-e', 'db_password=hunter2hunter2')
  const text = readFileSync(at('plan.json'), 'utf8')
  expect(text).not.toContain('hunter2')
  expect(planned().plan.binding).toEqual([])
  expect(planned().plan.changes).toMatchObject([{ diff: { before: '••••', after: '••••' } }])
  expect(await bkp('apply', 'plan.json')).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('give all -e flags again'),
  })
  expect((await bkp('apply', 'plan.json', '-e', 'other=1')).status).toBe(8)
  expect((await bkp('apply', 'plan.json', '-e', 'db_password=hunter2hunter2')).status).toBe(0)
  expect(readFileSync(at('made'), 'utf8')).toBe('pw=hunter2hunter2')
})

it('applies with the limit, the tags and the variables of the plan, from any folder', async () => {
  write('inventory.yml', 'all: { hosts: { here: { ansible_connection: local }, there: {} } }\n')
  write('more.yml', 'word: kept\n')
  playbook(
    `{ copy: { dest: ${at('made')}, content: "{{ word }}" }, tags: [yes_please] }`,
    `{ copy: { dest: ${at('other')}, content: a }, tags: [no_thanks] }`,
  )
  await plan('--limit', 'here', '--tags', 'yes_please', '-e', `@${at('more.yml')}`)
  const elsewhere = at('elsewhere')
  mkdirSync(elsewhere)
  const applied = await runCli(['apply', at('plan.json')], {
    directory: elsewhere,
    environment: { BKP_STATE_DIR: at('state') },
  })
  expect(applied.status).toBe(0)
  expect([readFileSync(at('made'), 'utf8'), existsSync(at('other'))]).toEqual(['kept', false])
  write('more.yml', 'word: other\n')
  expect((await bkp('apply', 'plan.json')).stderr).toContain('+word: other')
})

it.each<[string, (file: Record<string, unknown>) => void, boolean, RegExp]>([
  [
    'changed',
    file => Object.assign(file, { playbook: 'x' }),
    false,
    /digest is another[\s\S]*:3:3/,
  ],
  [
    'of another version',
    file => Object.assign(file, { bkp_plan: 2 }),
    true,
    /version 2[\s\S]*:2:3/,
  ],
  [
    'of another bkp',
    file => Object.assign(file, { tool: '9.9.9' }),
    true,
    /bkp 9\.9\.9[\s\S]*:4:3/,
  ],
  ['without a part', file => delete file['documents'], true, /documents is missing/],
  [
    'with an odd part',
    file => Object.assign(file, { inventory: [1] }),
    true,
    /inventory is not as/,
  ],
  ['that is none', file => delete file['bkp_plan'], true, /is no plan file/],
  [
    'that is too old',
    file => Object.assign(file, { expires: '2020-01-01T00:00:00.000Z' }),
    true,
    /error\[plan\.expired\][\s\S]*:6:3/,
  ],
])('refuses a file %s, with its place', async (_what, change, sealed, message) => {
  playbook(`copy: { dest: ${at('made')}, content: a }`)
  await plan()
  forge(change, { sealed })
  const refused = await bkp('apply', 'plan.json')
  expect(refused.status).toBe(8)
  expect(refused.stderr).toMatch(message)
  expect(existsSync(at('made'))).toBe(false)
})

it('refuses what is no JSON, and a file that is not there', async () => {
  write('plan.json', '{\n  "bkp_plan": 1,\n  oops\n}\n')
  const refused = await bkp('apply', 'plan.json')
  expect(refused).toMatchObject({ status: 8, stderr: expect.stringContaining('plan.json:3:3') })
  expect((await bkp('apply', 'none.json')).status).toBe(5)
})

it('lets nobody ignore that a step would do more than was approved', async () => {
  write('tree', 'a file')
  playbook(
    `{ name: swap, shell: "rm ${at('tree')} && mkdir -p ${at('tree/full')}" }`,
    `{ file: { path: ${at('tree')}, state: absent }, ignore_errors: true, failed_when: false }`,
    `{ copy: { dest: ${at('after')}, content: a } }`,
  )
  await plan()
  expect((await bkp('apply', 'plan.json')).status).toBe(8)
  expect([existsSync(at('tree')), existsSync(at('after'))]).toEqual([true, false])
})

it('names long items of a loop by their path', async () => {
  write('found/a', 'x')
  playbook(
    `{ find: { paths: ${at('found')} }, register: found }`,
    `{ command: "true", loop: "{{ found.files }}" }`,
  )
  const { stdout } = await bkp('run', at('site.yml'), '-i', at('inventory.yml'))
  expect(stdout).toContain(`(item=${at('found/a')})`)
})

it('shows differences where they are asked for, by the flag or by the task', async () => {
  playbook(
    `{ copy: { dest: ${at('one')}, content: "new\\n" }, diff: false }`,
    `{ copy: { dest: ${at('two')}, content: "new\\n" } }`,
    `{ copy: { dest: ${at('three')}, content: "new\\n" }, diff: true }`,
  )
  const count = (text: string): number => text.split('+new').length - 1
  expect(count((await plan('--diff')).stdout)).toBe(2)
  expect(count((await plan()).stdout)).toBe(1)
  expect(planned().plan.changes.map(({ diff }) => diff?.after)).toEqual([
    undefined,
    undefined,
    'new\n',
  ])
  expect(count((await bkp('run', at('site.yml'), '-i', at('inventory.yml'))).stdout)).toBe(1)
})
