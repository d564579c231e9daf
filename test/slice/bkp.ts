import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The program as it ships; test/servers/build.ts builds it before the tests. */
const program: string = join(root, 'dist/cli/main.js')
/** The playbooks that ship. */
export const playbooks = {
  backup: join(root, 'playbooks/files/backup.yml'),
  restore: join(root, 'playbooks/files/restore.yml'),
} as const

export interface Outcome {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Workspace {
  readonly folder: string
  readonly inventory: string
  /** The repository's folder; the inventory calls it `vault`. */
  readonly storage: string
  readonly storageUrl: string
  readonly state: string
  /** Runs bkp as a process of its own, in an empty folder, its state directory in this workspace. */
  run(words: readonly string[], options?: RunOptions): Outcome
  remove(): void
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Words in front of the program: `unshare -m sh -c '...' sh`. */
  readonly under?: readonly string[]
}

/** A folder for a repository, a state directory and an inventory, which the test writes. */
export function makeWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'bkp-slice-'))
  const storage = join(folder, 'vault')
  const state = join(folder, 'state')
  return Object.freeze({
    folder,
    inventory: join(folder, 'inventory.yml'),
    storage,
    storageUrl: `file://${storage}`,
    state,
    run: (words, { env = {}, under = [] } = {}) => {
      const [command = '', ...rest] = [...under, process.execPath, program, ...words]
      const { status, signal, stdout, stderr } = spawnSync(command, rest, {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
        env: { PATH: process.env['PATH'] ?? '', HOME: folder, BKP_STATE_DIR: state, ...env },
      })
      return { status, signal, stdout, stderr }
    },
    // What was killed may still write for a moment.
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }),
  } satisfies Workspace)
}

/** What a failed expectation should show of a run. */
export function explain({ status, signal, stdout, stderr }: Outcome): string {
  return `status ${status} ${signal ?? ''}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`
}

/** The fields of `bkp list --json` that tests look at. */
export interface ListedBackup {
  readonly name: string
  readonly state: string
  readonly kind: string
  readonly parent: string | null
  readonly files: number
  readonly bytes: number
  readonly new_bytes: number
}

/** The backups of a workspace's repository, oldest first. */
export function listBackups(workspace: Workspace): readonly ListedBackup[] {
  const outcome = workspace.run(['list', workspace.storageUrl, '--json'])
  if (outcome.status !== 0) throw new Error(`bkp list: ${explain(outcome)}`)
  const { backups } = JSON.parse(outcome.stdout) as { readonly backups: readonly ListedBackup[] }
  return [...backups].sort((a, b) => (a.name < b.name ? -1 : 1))
}
