import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { RunEvent } from '../../src/events/events.ts'
import { startNebula } from '../servers/nebula/cluster.ts'
import type { NebulaCluster, NebulaOptions } from '../servers/nebula/contract.ts'
import { callThrift } from '../servers/nebula/thrift-call.ts'
import { explain, makeWorkspace, type Outcome, type Workspace } from '../slice/bkp.ts'
import { runAsPlanned } from './plan-truth.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What steps of a run registered, by module; `failure` beside it. */
export type Results = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** A run of a playbook that ships. */
export interface Ran {
  readonly outcome: Outcome
  readonly results: Results
}

/** A cluster, and bkp beside it with the storages `vault`, `official` and `imported`. */
export interface NebulaScene {
  readonly cluster: NebulaCluster
  readonly workspace: Workspace
  bkp(...words: readonly string[]): Outcome
  /** Runs `playbooks/nebula/<name>.yml`. */
  play(name: string, variables?: Readonly<Record<string, unknown>>, ...words: string[]): Ran
  /** The same, after a plan of it: see `runAsPlanned`. */
  playAsPlanned(
    name: string,
    variables?: Readonly<Record<string, unknown>>,
    ...words: string[]
  ): Promise<Ran>
  /** Starts the same and kills it as soon as `when` has come true. */
  playAndKill(name: string, when: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

export const playbookOf = (name: string): string => join(root, `playbooks/nebula/${name}.yml`)

export async function startScene(options: NebulaOptions): Promise<NebulaScene> {
  const workspace = makeWorkspace()
  const cluster = await startNebula(options)
  const folderOf = (name: string): string => join(workspace.folder, name)
  const inventory = {
    ...cluster.inventory(),
    storages: {
      vault: { type: 'file', path: workspace.storage },
      official: { type: 'file', path: folderOf('official') },
      imported: { type: 'file', path: folderOf('imported') },
    },
  }
  writeFileSync(workspace.inventory, JSON.stringify(inventory))
  const bkp = (...words: readonly string[]) =>
    workspace.run(words[0] === 'runs' ? words : [...words, '-i', workspace.inventory])
  const play: NebulaScene['play'] = (name, variables = {}, ...words) => {
    const given = ['-e', JSON.stringify(variables), ...words]
    const outcome = bkp('run', playbookOf(name), '--output', 'json', ...given)
    return { outcome, results: resultsOf(outcome) }
  }
  return {
    cluster,
    workspace,
    bkp,
    play,
    playAsPlanned: async (name, variables = {}, ...words) => {
      const outcome = await runAsPlanned({
        cluster,
        folders: [workspace.storage, ...['official', 'imported'].map(folderOf)].filter(existsSync),
        plan: () => bkp('plan', playbookOf(name), '--json', '-e', JSON.stringify(variables)),
        run: () => play(name, variables, ...words).outcome,
      })
      return { outcome, results: resultsOf(outcome) }
    },
    playAndKill: async (name, when) => {
      const child = spawn(
        process.execPath,
        [join(root, 'dist/cli/main.js'), 'run', playbookOf(name), '-i', workspace.inventory],
        {
          env: {
            PATH: process.env['PATH'],
            HOME: workspace.folder,
            BKP_STATE_DIR: workspace.state,
          },
          stdio: 'ignore',
        },
      )
      const ended = once(child, 'exit')
      try {
        await when()
      } finally {
        child.kill('SIGKILL')
      }
      expect(await ended).toEqual([null, 'SIGKILL'])
    },
    stop: async () => {
      await cluster.stop()
      workspace.remove()
    },
  }
}

function resultsOf({ stdout }: Outcome): Results {
  const events = stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as RunEvent)
  return Object.fromEntries(
    events.flatMap(event =>
      event.event === 'step.finished'
        ? [[event.module, { ...(event.result as object), failure: event.failure }]]
        : [],
    ),
  )
}

export function requireDone(outcome: Outcome): void {
  expect(outcome.status, explain(outcome)).toBe(0)
}

/** Why a step failed. */
export function failureOf({ results }: Ran, module: string): string {
  return String((results[module]?.['failure'] as { message?: string } | undefined)?.message)
}

/** The run that did not end. */
export function cutOff({ bkp }: { bkp(...words: readonly string[]): Outcome }): string {
  const { runs } = JSON.parse(bkp('runs', '--json').stdout) as {
    readonly runs: readonly { readonly id: string; readonly state: string }[]
  }
  const run = runs.find(({ state }) => state === 'interrupted')
  if (run === undefined) throw new Error(`no run was cut off: ${JSON.stringify(runs)}`)
  return run.id
}

/** The next backup blocks writes for so long that every writer is refused, however fast this machine is. */
export async function blockLonger(cluster: NebulaCluster): Promise<void> {
  await cluster.fault(await cluster.leader(), { method: 'createBackup:blocked', delayMs: 300 })
}

/** DROP SNAPSHOT of an operator, not through bkp. */
export async function dropOutside({ cluster }: NebulaScene, name: string): Promise<void> {
  const { address } = await cluster.leader()
  const names = cluster.generation === '3.3' ? { list: [{ text: name }] } : { text: name }
  const { 1: code } = await callThrift(address, 'dropSnapshot', { 1: names })
  expect(code).toBe(0)
}

/** Before a test: it must not meet what another one that failed has left. */
export async function tidyUp(scene: NebulaScene): Promise<void> {
  const { cluster } = scene
  await cluster.write('basketball', 0)
  for (const { name } of await cluster.snapshots()) await dropOutside(scene, name)
  for (const { name } of cluster.hosts.hosts) {
    cluster.run(name, `find ${cluster.dataDir} -path '*/checkpoints/*' -prune -exec rm -r {} +`)
  }
}

/** Nothing of any backup is on any host, in any row, or still in force. */
export async function expectNothingLeft({ cluster }: NebulaScene): Promise<void> {
  expect(await cluster.leftovers()).toEqual([])
  expect(await cluster.blocked()).toEqual([])
}
