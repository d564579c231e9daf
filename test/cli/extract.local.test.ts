import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CliOutcome, runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const tree = join(folder.path, 'tree')
const url = `file://${join(folder.path, 'vault')}`
const second = `file://${join(folder.path, 'second')}`
const environment = { BKP_STATE_DIR: join(folder.path, 'state'), VAULT_WORD: 'canary-4711' }

async function bkp(...words: string[]): Promise<CliOutcome> {
  return await runCli(words, { directory: folder.path, environment })
}

async function done(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await bkp(...words)
  expect(status, stdout + stderr).toBe(0)
  return stdout
}

async function json<T>(...words: string[]): Promise<T> {
  return JSON.parse(await done(...words, '--json')) as T
}

let names: readonly string[] = []

beforeAll(async () => {
  mkdirSync(join(tree, 'sub'), { recursive: true })
  writeFileSync(join(tree, 'large'), Buffer.alloc(2_000_000, 'large '))
  writeFileSync(join(tree, 'small'), 'small')
  writeFileSync(join(tree, 'sub', 'gone'), 'gone')
  symlinkSync('small', join(tree, 'link'))
  writeFileSync(
    join(folder.path, 'inventory.yml'),
    `all: { hosts: { here: { ansible_connection: local, ansible_password: { env: VAULT_WORD } } } }
clusters: { tree: { kind: files, hosts: here, paths: [${tree}] } }
storages: { vault: { type: file, path: ${join(folder.path, 'vault')} } }
`,
  )
  const playbook = fileURLToPath(new URL('../../playbooks/files/backup.yml', import.meta.url))
  const backUp = (): Promise<string> =>
    done('run', playbook, '-i', join(folder.path, 'inventory.yml'))
  await backUp()
  writeFileSync(join(tree, 'small'), 'changed')
  writeFileSync(join(tree, 'new'), 'new')
  rmSync(join(tree, 'sub', 'gone'))
  chmodSync(join(tree, 'large'), 0o600)
  await backUp()
  const listed = await json<{ backups: readonly { name: string }[] }>('list', url)
  names = listed.backups.map(({ name }) => name)
}, 60_000)

describe('bkp diff', () => {
  it('tells what differs, and how much of it there is', async () => {
    const text = await done('diff', url, names[0] ?? '', 'latest')
    expect(text.replaceAll(tree, 'TREE')).toBe(
      [
        '~   1.9 MiB  here:TREE/large  (mode 0644, now 0600)',
        '+       3 B  here:TREE/new',
        '~       7 B  here:TREE/small  (was 5 B)',
        '-       4 B  here:TREE/sub/gone',
        'here: 1 added (3 B), 1 removed (4 B), 2 changed (7 B)',
        '',
      ].join('\n'),
    )
    const [name = ''] = names
    expect(await done('diff', url, name, name)).toBe(
      `nothing differs between ${name} and ${name}\n`,
    )
  })

  it('is JSON for machines', async () => {
    const found = await json<{
      a: { name: string }
      b: { name: string }
      changes: readonly { change: string; what: readonly string[] }[]
      totals: readonly { host: string; changed: number }[]
    }>('diff', url, names[0] ?? '', names[1] ?? '', '--path', join(tree, 'small'))
    expect([found.a.name, found.b.name]).toEqual(names)
    expect(found.changes).toMatchObject([{ change: 'changed', what: ['content'] }])
    expect(found.totals).toMatchObject([{ host: 'here', added: 0, removed: 0, changed: 1 }])
  })
})

describe('bkp extract', () => {
  it('writes a backup into a folder, and not over what is there', async () => {
    const to = join(folder.path, 'out')
    const result = await json<{ files: number; to: string; backup: string }>(
      ...['extract', url, names[0] ?? '', '--to', 'out'],
    )
    expect(result).toMatchObject({ backup: names[0], to, files: 3, directories: 2, symlinks: 1 })
    expect(readFileSync(join(to, 'here', tree, 'small'), 'utf8')).toBe('small')
    expect(statSync(join(to, 'here', tree, 'large')).size).toBe(2_000_000)
    const again = await bkp('extract', url, 'latest', '--to', 'out')
    expect(again.status).toBe(2)
    expect(again.stderr).toContain('is not empty')
    expect(await done('extract', url, 'latest', '--to', 'out', '--overwrite')).toContain(
      `3 files (1.9 MiB), 2 folders and 1 links of backup ${names[1]} written to ${to}\n`,
    )
    expect(readFileSync(join(to, 'here', tree, 'small'), 'utf8')).toBe('changed')
  })

  it('writes one file to standard output, byte for byte', async () => {
    const { status, stdout } = await bkp(
      ...['extract', url, names[0] ?? '', '--path', join(tree, 'small'), '--to', '-'],
    )
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'small' })
  })

  it('says what is missing: a folder, a path, a backup', async () => {
    expect((await bkp('extract', url, 'latest')).status).toBe(5)
    const nothing = await bkp('extract', url, 'latest', '--path', '/nothing', '--to', 'nothing')
    expect(nothing).toMatchObject({ status: 2 })
    expect(nothing.stderr).toContain('repository.path_not_found')
    expect((await bkp('extract', url, '1999', '--to', 'nothing')).status).toBe(2)
  })
})

describe('bkp copy', () => {
  it('copies once, by names of the inventory or URLs', async () => {
    const inventory = ['-i', join(folder.path, 'inventory.yml')]
    const first = await done('copy', 'vault', second, ...inventory)
    expect(first).toContain(`${names[0]}  3 files, 1.9 MiB, 1.9 MiB sent\n`)
    expect(first).toContain(`2 backups copied to ${second}`)
    const again = await json<{ copied: unknown[]; present: unknown[] }>('copy', url, second)
    expect(again).toMatchObject({ copied: [], errors: [], warnings: [] })
    expect(again.present).toEqual(names.map(name => ({ name, as: name })))
    const listed = await json<{ backups: readonly { copied_from: unknown }[] }>('list', second)
    expect(listed.backups.map(backup => backup.copied_from)).toEqual(
      names.map(name => ({ repository: expect.stringMatching(/^[0-9a-f]{32}$/), name })),
    )
    await done('verify', second, '--read-data')
    expect((await bkp('copy', url, url)).status).toBe(5)
  })

  it('ends with status 2 where a backup is damaged, and tells which', async () => {
    const vault = join(folder.path, 'vault', 'data')
    const paths = (readdirSync(vault, { recursive: true }) as string[]).map(name =>
      join(vault, name),
    )
    const large = paths.find(path => statSync(path).size === 2_000_000) ?? ''
    const bytes = readFileSync(large)
    writeFileSync(large, Buffer.from(bytes).fill(1, 1000, 1001))
    const third = `file://${join(folder.path, 'third')}`
    const { status, stdout } = await bkp('copy', url, third)
    expect(status).toBe(2)
    expect(stdout).toContain(`${names[0]}  NOT COPIED`)
    expect(stdout).toContain('0 backups copied')
    writeFileSync(large, bytes)
    expect(await done('copy', url, third)).toContain('2 backups copied')
  })
})

describe('bkp rescue', () => {
  it('writes the kit, what is known of the backup, and what to do', async () => {
    const { files, to } = await json<{ files: readonly string[]; to: string }>(
      ...['rescue', url, '--to', 'kit'],
    )
    expect(files.slice(0, 3)).toEqual(['README.md', 'backup.json', 'bendsave.md'])
    const inventory = files.find(name => name.endsWith('inventory.yml')) ?? ''
    expect(readFileSync(join(to, inventory), 'utf8')).toBe(
      readFileSync(join(folder.path, 'inventory.yml'), 'utf8'),
    )
    expect(files.some(name => name.endsWith('backup.yml'))).toBe(true)
    const readme = readFileSync(join(to, 'README.md'), 'utf8')
    expect(readme).toContain(`bkp extract ${url} ${names[1]} --to extracted`)
    expect(readme).toContain(`-i ${inventory} -e cluster=tree -e backup=${names[1]}`)
    expect(readme).toContain('ansible_password: { env: VAULT_WORD }')
    const facts = JSON.parse(readFileSync(join(to, 'backup.json'), 'utf8'))
    expect(facts).toMatchObject({
      backup: { name: names[1], cluster: { name: 'tree' } },
      roots: [{ host: 'here', path: tree, read_from: tree }],
    })
    for (const name of files) {
      expect(readFileSync(join(to, name), 'utf8')).not.toContain('canary-4711')
      expect(statSync(join(to, name)).mode & 0o077).toBe(0)
    }
    const again = await bkp('rescue', url, '--to', 'kit')
    expect(again.status).toBe(2)
    expect(again.stderr).toContain('is not empty')
  })

  it('writes instructions that work: its inventory is one, its commands are bkp’s', async () => {
    const readme = readFileSync(join(folder.path, 'kit', 'README.md'), 'utf8')
    const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text)
    const commands = blocks
      .flatMap(text => text.trim().split('\n'))
      .map(line => line.replace(' | head', '').replace('storage=NAME', 'storage=vault').split(' '))
    expect(commands.length).toBeGreaterThan(4)
    const root = fileURLToPath(new URL('../../', import.meta.url))
    for (const [, ...words] of commands) {
      // The last one restores: it would replace the tree.
      if (words[0] === 'run') continue
      const own = words.map(word => (word.startsWith('playbooks/') ? join(root, word) : word))
      const outcome = await runCli(
        own.map(word => word.replace(/^kit\//, `${join(folder.path, 'kit', 'kit')}/`)),
        { directory: join(folder.path, 'kit'), environment },
      )
      expect(outcome.status, `${words.join(' ')}\n${outcome.stdout}${outcome.stderr}`).toBe(0)
    }
  })
})

describe('bkp verify', () => {
  it('has a budget, and says how far it came', async () => {
    const report = await json<{ budget: { complete: boolean } }>(
      ...['verify', url, '--read-data', '--budget', '10m'],
    )
    expect(report.budget.complete).toBe(true)
    expect((await bkp('verify', url, '--read-data=5', '--budget', '1m')).status).toBe(5)
    expect((await bkp('verify', url, '--budget', 'soon')).status).toBe(5)
    expect((await bkp('verify', url, '--budget', '0')).status).toBe(5)
  })

  it('checks what a path needs', async () => {
    const report = await json<{ checked: { blocks: number } }>(
      ...['verify', url, 'latest', '--path', join(tree, 'small'), '--read-data'],
    )
    expect(report.checked.blocks).toBe(1)
  })
})
