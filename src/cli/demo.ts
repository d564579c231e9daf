import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * `npm run demo`: backs up, changes, dry-runs, restores and verifies a small tree on three hosts
 * that are this machine, with a folder as storage. Works in a temporary folder and removes it.
 */
function demo(): void {
  const root = mkdtempSync(join(tmpdir(), 'bkp-demo-'))
  try {
    play(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const hosts = ['alpha', 'beta', 'gamma']
const packageRoot = fileURLToPath(new URL('../..', import.meta.url))
const program = fileURLToPath(new URL('./main.js', import.meta.url))
const backup = join(packageRoot, 'playbooks/files/backup.yml')
const restore = join(packageRoot, 'playbooks/files/restore.yml')

function play(root: string): void {
  const inventory = join(root, 'inventory.yml')
  const storage = `file://${join(root, 'vault')}`
  const bkp = (words: readonly string[], expected = 0): void => run(root, words, expected)
  writeFileSync(inventory, inventoryText(root))
  for (const host of hosts) makeFiles(join(root, host))

  say('A small tree on three hosts, backed up')
  bkp(['validate', backup, inventory])
  bkp(['run', backup, '-i', inventory])

  say('Some of it changes; the second backup sends only that')
  for (const host of hosts) changeFiles(join(root, host))
  bkp(['run', backup, '-i', inventory])
  bkp(['list', storage])

  say('What would a restore of the first backup do? Nothing is written')
  const first = firstBackup(root, storage)
  bkp(['plan', restore, '-i', inventory, '-e', `backup=${first}`])

  say('Without --confirm a restore is refused; with it, the files are as they were')
  bkp(['run', restore, '-i', inventory, '-e', `backup=${first}`], 8)
  bkp(['run', restore, '-i', inventory, '-e', `backup=${first}`, '--confirm=tree'])
  bkp(['plan', restore, '-i', inventory, '-e', `backup=${first}`])

  say('Every block is read back and checked')
  bkp(['verify', storage, '--read-data'])
}

function inventoryText(root: string): string {
  const paths = hosts.map(host => `      ${host}: [${join(root, host)}]`)
  return [
    'all:',
    '  vars: { ansible_connection: local }',
    `  hosts: { ${hosts.map(host => `${host}: {}`).join(', ')} }`,
    'clusters:',
    '  tree:',
    '    kind: files',
    `    hosts: "${hosts.join(':')}"`,
    '    paths:',
    ...paths,
    'storages:',
    `  vault: { type: file, path: ${join(root, 'vault')} }`,
    '',
  ].join('\n')
}

function makeFiles(folder: string): void {
  mkdirSync(join(folder, 'etc'), { recursive: true })
  mkdirSync(join(folder, 'empty'))
  writeFileSync(join(folder, 'etc', 'service.conf'), 'workers = 4\nlog = info\n')
  writeFileSync(join(folder, 'data.bin'), Buffer.alloc(3 * 1024 * 1024, folder))
  symlinkSync('etc/service.conf', join(folder, 'current'))
}

function changeFiles(folder: string): void {
  writeFileSync(join(folder, 'etc', 'service.conf'), 'workers = 64\nlog = debug\n')
  writeFileSync(join(folder, 'added.txt'), 'not in the first backup\n')
  rmSync(join(folder, 'current'))
}

function firstBackup(root: string, storage: string): string {
  const { stdout } = spawnSync(process.execPath, [program, 'list', storage, '--json'], {
    cwd: root,
    encoding: 'utf8',
  })
  const listed = JSON.parse(stdout) as { readonly backups: readonly { readonly name: string }[] }
  return listed.backups[0]?.name ?? ''
}

function say(text: string): void {
  process.stdout.write(`\n\n### ${text}\n`)
}

/** Runs bkp as a user would; any other exit status than the expected one ends the demo. */
function run(root: string, words: readonly string[], expected: number): void {
  process.stdout.write(
    `\n$ bkp ${words.map(word => word.replace(`${dirname(backup)}/`, 'playbooks/files/')).join(' ')}\n`,
  )
  const { status } = spawnSync(process.execPath, [program, ...words], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, BKP_STATE_DIR: join(root, 'state') },
  })
  if (status === expected) return
  throw new Error(`bkp ${words.join(' ')} ended with ${status}, expected ${expected}`)
}

demo()
