import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const tree = join(folder.path, 'tree')
const vault = join(folder.path, 'vault')
const url = `file://${vault}`
const environment = { BKP_STATE_DIR: join(folder.path, 'state') }

interface Report {
  readonly checked: { readonly backups: number; readonly blocks: number; readonly bytes: number }
  readonly errors: readonly {
    readonly code: string
    readonly block: string
    readonly files: readonly string[]
    readonly backups: readonly string[]
  }[]
}

/** The sha256 of `large`'s one block, and the names of both backups that hold it. */
let block = ''
let backups: readonly string[] = []

async function backUp(): Promise<void> {
  const playbook = fileURLToPath(new URL('../../playbooks/files/backup.yml', import.meta.url))
  const words = ['run', playbook, '-i', join(folder.path, 'inventory.yml')]
  const outcome = await runCli(words, { directory: folder.path, environment })
  expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0)
}

async function verify(...words: string[]): Promise<{ status: number; report: Report }> {
  const outcome = await runCli(['verify', url, '--json', ...words], { directory: folder.path })
  return { status: outcome.status, report: JSON.parse(outcome.stdout) as Report }
}

/** Where the block lies on disk. */
const blockFile = (): string => join(vault, 'data', block.slice(0, 2), block)

beforeAll(async () => {
  mkdirSync(tree)
  writeFileSync(join(tree, 'large'), Buffer.alloc(2_000_000, 'large '))
  writeFileSync(join(tree, 'small'), 'small')
  writeFileSync(
    join(folder.path, 'inventory.yml'),
    `all: { hosts: { here: { ansible_connection: local } } }
clusters: { tree: { kind: files, hosts: here, paths: [${tree}] } }
storages: { vault: { type: file, path: ${vault} } }
`,
  )
  await backUp()
  writeFileSync(join(tree, 'small'), 'changed')
  await backUp()
  const listed = await runCli(['list', url, '--json'])
  const document = JSON.parse(listed.stdout) as { backups: readonly { name: string }[] }
  backups = document.backups.map(({ name }) => name).sort()
  const largest = (readdirSync(join(vault, 'data'), { recursive: true }) as string[])
    .map(name => join(vault, 'data', name))
    .filter(path => statSync(path).isFile())
    .sort((a, b) => statSync(b).size - statSync(a).size)[0]
  block = largest?.slice(-64) ?? ''
  cpSync(vault, `${vault}.good`, { recursive: true })
})

const mend = (): void => {
  rmSync(vault, { recursive: true })
  cpSync(`${vault}.good`, vault, { recursive: true })
}

describe('bkp verify', () => {
  it('finds nothing wrong in what was just stored', async () => {
    const { status, report } = await verify('--read-data')
    expect({ status, errors: report.errors }).toEqual({ status: 0, errors: [] })
    expect(report.checked).toMatchObject({ backups: 2 })
    expect(report.checked.bytes).toBeGreaterThan(2_000_000)
  })

  it('names the block, the file and both backups of a flipped bit, when it reads data', async () => {
    const bytes = readFileSync(blockFile())
    bytes[1_234_567] = (bytes[1_234_567] ?? 0) ^ 0x10
    writeFileSync(blockFile(), bytes)
    const { status, report } = await verify('--read-data')
    expect(status).toBe(2)
    expect(report.errors).toHaveLength(1)
    expect(report.errors[0]).toMatchObject({ code: 'repository.block_corrupt', block, backups })
    expect(report.errors[0]?.files.join()).toContain(join(tree, 'large'))

    const shown = await runCli(['verify', url, '--read-data'])
    expect(shown.status).toBe(2)
    for (const name of [block, join(tree, 'large'), ...backups]) {
      expect(shown.stdout + shown.stderr).toContain(name)
    }
    // Presence and size are as they should be: without reading, it cannot be seen.
    expect((await verify()).status).toBe(0)
    mend()
  })

  it('names what a missing block belongs to, without reading data', async () => {
    rmSync(blockFile())
    const { status, report } = await verify()
    expect(status).toBe(2)
    expect(report.errors).toHaveLength(1)
    expect(report.errors[0]).toMatchObject({ code: 'repository.block_missing', block, backups })
    expect(report.errors[0]?.files.join()).toContain(join(tree, 'large'))
    mend()
  })

  it('notices a block cut short, without reading data', async () => {
    writeFileSync(blockFile(), readFileSync(blockFile()).subarray(0, 1000))
    const { status, report } = await verify()
    expect(status).toBe(2)
    expect(report.errors.map(error => error.block)).toEqual([block])
    mend()
  })

  it('tells a manifest that was tampered with', async () => {
    const manifest = join(vault, 'manifests', `${backups[0]}.manifest`)
    const bytes = readFileSync(manifest)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(manifest, bytes)
    const { status, report } = await verify()
    expect(status).toBe(2)
    expect(report.errors.some(error => error.backups.includes(backups[0] ?? ''))).toBe(true)
    mend()
  })

  it('checks one backup where one is named, and says which there are not', async () => {
    const { status, report } = await verify(backups[0] ?? '')
    expect({ status, backups: report.checked.backups }).toEqual({ status: 0, backups: 1 })
    const unknown = await runCli(['verify', url, '19990101_000000'])
    expect(unknown.status).toBe(2)
    expect(unknown.stderr).toContain('19990101_000000')
  })
})
