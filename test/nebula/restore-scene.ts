import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { startNebula } from '../servers/nebula/cluster.ts'
import type { NebulaCluster, NebulaOptions, NebulaService } from '../servers/nebula/contract.ts'
import type { Scan } from '../servers/rocksdb.ts'
import { explain, makeWorkspace, type Outcome, type Workspace } from '../slice/bkp.ts'
import type { Planned } from './plan-truth.ts'
import { playbookOf } from './scene.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a space holds: as running storageds tell, and as `ldb scan` reads their files. */
export interface Held {
  readonly rows: Readonly<Record<string, { readonly rows: number; readonly sha256: string }>>
  readonly scan: Scan
}

/** A cluster, and bkp beside it with a storage `vault`. */
export interface RestoreScene {
  readonly cluster: NebulaCluster
  readonly workspace: Workspace
  /** What the inventory calls the cluster. */
  readonly name: string
  /** Its file. */
  readonly inventory: string
  bkp(...words: readonly string[]): Outcome
  /** Runs `playbooks/nebula/<playbook>.yml`; it is confirmed. */
  play(playbook: string, variables?: Readonly<Record<string, unknown>>): Outcome
  /** Starts the same and does not wait; `ended` says how. */
  begin(playbook: string, variables?: Readonly<Record<string, unknown>>): Begun
  held(space: string): Promise<Held>
  /** A storaged more, which the inventory has from then on. */
  join(): Promise<NebulaService>
  stop(): Promise<void>
}

export interface Begun {
  readonly child: ChildProcess
  /** What it has written up to now. */
  output(): string
  readonly ended: Promise<unknown>
}

export interface RestoreSceneOptions extends NebulaOptions {
  /** `graph` without it. */
  readonly name?: string
  /** Of another scene: both have its storage. */
  readonly workspace?: Workspace
  /** In place of a folder of the workspace. */
  readonly vault?: Readonly<Record<string, unknown>>
  /** Settings of the cluster in the inventory, beside its own. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** For bkp, beside what it needs. */
  readonly env?: Readonly<Record<string, string>>
}

export async function startRestoreScene(options: RestoreSceneOptions): Promise<RestoreScene> {
  const { name = 'graph', workspace = makeWorkspace(), env = {}, vault, settings, ...of } = options
  const cluster = await startNebula({ agents: of.generation.startsWith('3'), ...of })
  const inventoryFile = join(workspace.folder, `${name}.json`)
  const writeInventory = (): void => {
    const { all, clusters } = cluster.inventory(settings)
    const inventory = {
      ...{ all, clusters: { [name]: clusters['graph'] } },
      storages: { vault: vault ?? { type: 'file', path: workspace.storage } },
    }
    writeFileSync(inventoryFile, JSON.stringify(inventory))
  }
  writeInventory()
  const wordsOf = (playbook: string, variables: Readonly<Record<string, unknown>>) => [
    ...['run', join(root, 'playbooks/nebula', `${playbook}.yml`), '-i', inventoryFile],
    ...['-e', JSON.stringify({ cluster: name, ...variables }), `--confirm=${name}`],
  ]
  return Object.freeze({
    cluster,
    workspace,
    name,
    inventory: inventoryFile,
    bkp: (...words) => workspace.run(words, { env }),
    play: (playbook, variables = {}) => workspace.run(wordsOf(playbook, variables), { env }),
    begin: (playbook, variables = {}) => {
      const child = spawn(
        process.execPath,
        [join(root, 'dist/cli/main.js'), ...wordsOf(playbook, variables)],
        {
          cwd: workspace.folder,
          env: {
            PATH: process.env['PATH'],
            HOME: workspace.folder,
            BKP_STATE_DIR: workspace.state,
            ...env,
          },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          output += chunk.toString('utf8')
        })
      }
      return { child, output: () => output, ended: once(child, 'exit') }
    },
    held: async space => ({
      rows: await cluster.rows(space),
      scan: await cluster.scan(await cluster.spaceId(space)),
    }),
    join: async () => {
      const service = await cluster.join()
      writeInventory()
      return service
    },
    stop: async () => {
      await cluster.stop()
      if (options.workspace === undefined) workspace.remove()
    },
  } satisfies RestoreScene)
}

/** A playbook of a scene, to plan and to run. */
export function plannedOf(
  { bkp, cluster, inventory, name, workspace }: RestoreScene,
  playbook: string,
  variables: Readonly<Record<string, unknown>> = {},
): Planned {
  const words = [
    ...[playbookOf(playbook), '-i', inventory],
    ...['-e', JSON.stringify({ cluster: name, ...variables })],
  ]
  return {
    cluster,
    folders: [workspace.storage],
    plan: () => bkp('plan', ...words, '--json'),
    run: () => bkp('run', ...words, '--output', 'json', `--confirm=${name}`),
  }
}

export function requireStatus(outcome: Outcome, status: number): void {
  expect(outcome.status, explain(outcome)).toBe(status)
}
