import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { explain, playbooks } from '../slice/bkp.ts'
import { hosts, makeScene, makeTree, type Scene } from './scene.ts'

let scene: Scene | undefined

afterEach(() => {
  scene?.remove()
  scene = undefined
})

function sceneWithTrees(): Scene {
  const made = makeScene()
  scene = made
  for (const host of hosts) makeTree(made, host)
  return made
}

const run = (playbook: string, here: Scene): readonly string[] => [
  'run',
  playbook,
  '-i',
  here.inventory,
  ...(playbook === playbooks.restore ? ['--confirm=tree'] : []),
]

test('row 49: with 64 open files at most everything is done all the same', () => {
  const here = sceneWithTrees()
  for (const host of hosts) {
    const folder = join(here.tree(host), 'many')
    mkdirSync(folder)
    for (let n = 0; n < 300; n += 1) writeFileSync(join(folder, `small ${n}`), `${host} ${n}`)
    for (let n = 0; n < 20; n += 1) {
      writeFileSync(join(folder, `large ${n}`), Buffer.alloc(1_100_000, `${host} ${n} `))
    }
  }
  const few = { under: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] }
  const before = hosts.map(host => here.listTree(host))
  const backup = here.run(run(playbooks.backup, here), few)
  expect(backup.status, explain(backup)).toBe(0)
  const verify = here.run(['verify', here.storageUrl, '--read-data'], few)
  expect(verify.status, explain(verify)).toBe(0)
  for (const host of hosts) {
    for (let n = 0; n < 20; n += 1) writeFileSync(join(here.tree(host), 'many', `large ${n}`), 'x')
  }
  const restore = here.run(run(playbooks.restore, here), few)
  expect(restore.status, explain(restore)).toBe(0)
  expect(hosts.map(host => here.listTree(host))).toEqual(before)
})

/** Freezes and thaws, and stores in between; what it prints would fill a pipe. */
function frozenBackup(here: Scene): string {
  const playbook = join(here.folder, 'frozen.yml')
  const log = join(here.folder, 'log')
  const sh = (text: string): string => JSON.stringify(`echo ${text} >> ${log}`)
  writeFileSync(
    playbook,
    [
      '- hosts: tree',
      '  tasks:',
      '    - name: Freeze',
      '      run_once: true',
      `      shell: ${sh('freeze')}`,
      `      release: { shell: ${sh('thaw')} }`,
      '    - repository.backup: { storage: vault, cluster: tree }',
      '    - command: { cmd: echo done }',
      '      loop: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]',
      '',
    ].join('\n'),
  )
  return playbook
}

const logOf = (here: Scene): string => readFileSync(join(here.folder, 'log'), 'utf8')

for (const output of ['plain', 'json']) {
  test(`row 51: nobody reads the ${output} output any more: the work is done, and what is frozen is thawed`, () => {
    const here = sceneWithTrees()
    const outcome = here.run(
      ['run', frozenBackup(here), '-i', here.inventory, '--output', output],
      {
        under: ['sh', '-c', '"$@" 2>&1 | true', 'sh'],
      },
    )
    expect(outcome.signal).toBe(null)
    expect(logOf(here)).toBe('freeze\nthaw\n')
    const listed = here.run(['list', here.storageUrl, '--json'])
    expect(JSON.parse(listed.stdout).backups, explain(listed)).toHaveLength(1)
  })
}

test('row 51: the disk of the journal is full: nothing goes on unrecorded, and what is frozen is thawed', () => {
  const here = sceneWithTrees()
  const playbook = frozenBackup(here)
  mkdirSync(here.state, { mode: 0o700 })
  for (const kilobytes of [16, 24, 32, 48]) {
    writeFileSync(join(here.folder, 'log'), '')
    const mount = `mount -t tmpfs -o mode=700,size=${kilobytes}k none '${here.state}' && exec "$@"`
    const outcome = here.run(['run', playbook, '-i', here.inventory], {
      under: ['unshare', '-m', 'sh', '-c', mount, 'sh'],
    })
    expect(outcome.signal).toBe(null)
    if (outcome.status !== 0) expect(outcome.stderr, explain(outcome)).toMatch(/no space|full/)
    expect(['', 'freeze\nthaw\n'], `${kilobytes} kB\n${explain(outcome)}`).toContain(logOf(here))
  }
})

test('rows 41 and 43: the disk of one host fills while its tree is staged: no host is switched', () => {
  const here = sceneWithTrees()
  const backup = here.run(run(playbooks.backup, here))
  expect(backup.status, explain(backup)).toBe(0)
  for (const host of hosts) {
    const folder = here.tree(host)
    for (const name of ['a', 'sub/c', 'large']) writeFileSync(join(folder, name), 'changed since')
  }
  const before = hosts.map(host => here.listTree(host))
  const saved = join(here.folder, 'saved')
  const beta = here.parent('beta')
  cpSync(beta, saved, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  const script = [
    // Room enough, which is what is looked at beforehand, but for few more files.
    `mount -t tmpfs -o nr_inodes=13,size=64m none '${beta}' && cp -a '${saved}/.' '${beta}'`,
    `find '${beta}' | sort > '${here.folder}/begin'; "$@"; status=$?`,
    `find '${beta}' | sort > '${here.folder}/end'; exit $status`,
  ].join('\n')
  const outcome = here.run(run(playbooks.restore, here), {
    under: ['unshare', '-m', 'sh', '-c', script, 'sh'],
  })
  expect(outcome.status, explain(outcome)).toBe(2)
  expect(outcome.stdout + outcome.stderr).toMatch(/[Nn]o space left|no space/)
  // What was staged stays: a resumed run goes on with it.
  const end = readFileSync(join(here.folder, 'end'), 'utf8').replace(/^.*\/\.bkp-.*\n/gm, '')
  expect(end).toBe(readFileSync(join(here.folder, 'begin'), 'utf8'))
  // The other host was staged, and not switched either.
  expect(here.listTree('alpha')).toEqual(before[0])
  const again = here.run(run(playbooks.restore, here))
  expect(again.status, explain(again)).toBe(0)
})
