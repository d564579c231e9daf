import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readBackupMetadata } from '../../src/databases/nebula/backup-metadata.ts'
import { decodeMetaFile } from '../../src/databases/nebula/meta-file.ts'
import type { RunEvent } from '../../src/events/events.ts'
import { startNebula } from '../servers/nebula/cluster.ts'
import type { NebulaCluster, NebulaOptions } from '../servers/nebula/contract.ts'
import { until } from '../servers/nebula/control.ts'
import { explain, makeWorkspace, type Outcome, type Workspace } from '../slice/bkp.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const playbook = join(root, 'playbooks/nebula/backup.yml')

interface Scene {
  readonly cluster: NebulaCluster
  readonly workspace: Workspace
  bkp(...words: readonly string[]): Outcome
  /** Runs the backup that ships; what its steps registered, by module. */
  backUp(): { readonly outcome: Outcome; readonly results: Results }
  stop(): Promise<void>
}

type Results = Readonly<Record<string, Readonly<Record<string, unknown>>>>

async function startScene(options: NebulaOptions): Promise<Scene> {
  const workspace = makeWorkspace()
  const cluster = await startNebula(options)
  const inventory = {
    ...cluster.inventory(),
    storages: { vault: { type: 'file', path: workspace.storage } },
  }
  writeFileSync(workspace.inventory, JSON.stringify(inventory))
  const bkp = (...words: readonly string[]) =>
    workspace.run(words[0] === 'runs' ? words : [...words, '-i', workspace.inventory])
  return {
    cluster,
    workspace,
    bkp,
    backUp: () => {
      const outcome = bkp('run', playbook, '--output', 'json')
      return { outcome, results: resultsOf(outcome) }
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

function requireDone(outcome: Outcome): void {
  expect(outcome.status, explain(outcome)).toBe(0)
}

/** The run that did not end. */
function cutOff({ bkp }: Scene): string {
  const { runs } = JSON.parse(bkp('runs', '--json').stdout) as {
    readonly runs: readonly { readonly id: string; readonly state: string }[]
  }
  const run = runs.find(({ state }) => state === 'interrupted')
  if (run === undefined) throw new Error(`no run was cut off: ${JSON.stringify(runs)}`)
  return run.id
}

/** Nothing of any backup is on any host, in any row, or still in force. */
async function expectNothingLeft({ cluster }: Scene): Promise<void> {
  expect(await cluster.leftovers()).toEqual([])
  expect(await cluster.blocked()).toEqual([])
}

/** What a successful run has to have brought. */
function expectWhole({ results, outcome }: ReturnType<Scene['backUp']>, spaces: number) {
  requireDone(outcome)
  const made = results['nebula.create_backup']
  const metadata = readBackupMetadata(made?.['metadata'])
  expect(metadata.spaces).toHaveLength(spaces)
  expect(metadata.roots.filter(({ as }) => as === 'meta')).toHaveLength(1)
  const official = decodeMetaFile(Buffer.from(metadata.meta, 'base64'))
  expect(official.meta).toMatchObject({ name: metadata.name, generation: metadata.generation })
  expect(Object.keys(made?.['paths'] as object).sort()).toEqual(
    [...new Set(metadata.roots.map(({ host }) => host))].sort(),
  )
  return metadata
}

describe('playbooks/nebula/backup.yml with 3.3', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({ generation: '3.3', metads: 3, storageds: 3 })
  })
  afterEach(async () => {
    await scene.cluster.clearFaults()
    await scene.cluster.settled()
  })
  afterAll(async () => await scene?.stop())

  it('backs up a graph that is written to, and reads no SST twice', async () => {
    const { cluster } = scene
    await cluster.write('basketball', 5)
    const first = scene.backUp()
    await cluster.write('basketball', 0)
    expectWhole(first, 1)
    const writers = await cluster.writers()
    expect(writers.every(({ written }) => written > 0)).toBe(true)
    const blockedMs = Number(first.results['nebula.create_backup']?.['blocked_ms'])
    expect(blockedMs).toBeGreaterThan(0)
    await expectNothingLeft(scene)
    const second = scene.backUp()
    expectWhole(second, 1)
    const third = scene.backUp()
    const { bytes, reused_bytes: reused } = third.results['repository.backup'] ?? {}
    // What is not the same file as before: CURRENT, MANIFEST, OPTIONS, the newest logs, the meta.
    expect(Number(reused)).toBeGreaterThan(Number(bytes) / 2)
    await expectNothingLeft(scene)
  })

  it.each<[string, Parameters<NebulaCluster['fault']>[1], RegExp]>([
    ['the answer is lost', { method: 'createBackup', drop: 'after' }, /is dropped/],
    [
      'unblocking fails',
      { method: 'blockingWrites', code: 'E_RPC_FAILURE' },
      /E_BLOCK_WRITE_FAILURE/,
    ],
    ['a checkpoint fails', { method: 'createCheckpoint', code: 'E_FAILED_TO_CHECKPOINT' }, /./],
  ])('leaves nothing behind when %s', async (_what, fault, said) => {
    const { cluster } = scene
    const target = fault.method.startsWith('createBackup')
      ? await cluster.leader()
      : (cluster.storageds[0] ?? (await cluster.leader()))
    await cluster.fault(target, fault)
    const { outcome, results } = scene.backUp()
    expect(outcome.status, explain(outcome)).toBe(2)
    const { failure } = results['nebula.create_backup'] ?? {}
    expect((failure as { message: string }).message).toMatch(said)
    await expectNothingLeft(scene)
  })

  it('drops what a metad left that lost the lead, and backs up with the next', async () => {
    const { cluster } = scene
    const { address } = await cluster.leader()
    await cluster.fault(await cluster.leader(), {
      method: 'createBackup:export',
      stepDown: true,
    })
    const { outcome, results } = scene.backUp()
    const metadata = expectWhole({ outcome, results }, 1)
    expect(metadata.answered_by).not.toBe(address)
    expect(results['nebula.create_backup']?.['lines']).toContainEqual(
      expect.stringMatching(/left that lost the lead, was dropped/),
    )
    await expectNothingLeft(scene)
  })

  it.each(['abort', 'resume'])('leaves nothing behind when it is killed, after %s', async how => {
    const { cluster, workspace } = scene
    await cluster.fault(await cluster.leader(), {
      method: 'createBackup:export',
      delayMs: 3000,
    })
    const child = spawn(
      process.execPath,
      [join(root, 'dist/cli/main.js'), 'run', playbook, '-i', workspace.inventory],
      {
        env: { PATH: process.env['PATH'], HOME: workspace.folder, BKP_STATE_DIR: workspace.state },
        stdio: 'ignore',
      },
    )
    const ended = once(child, 'exit')
    await until('writes are blocked', async () => (await cluster.blocked()).length > 0)
    child.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    const outcome = scene.bkp(how, cutOff(scene))
    requireDone(outcome)
    await expectNothingLeft(scene)
  })
})

describe.each<NebulaOptions>([
  { generation: '2.0', relativePaths: true },
  { generation: '2.1', walPath: true },
  { generation: '3.0' },
])('playbooks/nebula/backup.yml with $generation', options => {
  it('backs up all data paths, and leaves nothing', async () => {
    const scene = await startScene({ ...options, metads: 1, storageds: 2 })
    try {
      const metadata = expectWhole(scene.backUp(), 1)
      const paths = metadata.roots.filter(({ data }) => data !== undefined)
      expect(paths.map(({ as }) => as)).toHaveLength(4)
      const hasWal = metadata.roots.some(({ as }) => as.includes('/wal/'))
      expect(hasWal).toBe(options.walPath === true)
      await expectNothingLeft(scene)
    } finally {
      await scene.stop()
    }
  })
})
