import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemRandom } from '../../../src/base/clock.ts'
import { type Io, quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { type ConnectionPoolOptions, createConnectionPool } from '../../../src/connection/pool.ts'
import { backUp } from '../../../src/repository/backup.ts'
import { resolveBackup } from '../../../src/repository/catalogue.ts'
import { choosePlane, openSource, type PlaneChoice } from '../../../src/repository/planes/choose.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import type { DirectWay } from '../../../src/repository/restore/direct/fetch.ts'
import { readRoots } from '../../../src/repository/restore/entries.ts'
import { type PlannedTarget, planStage } from '../../../src/repository/restore/plan-stage.ts'
import { stage } from '../../../src/repository/restore/stage.ts'
import { readStagedStates, type Stage } from '../../../src/repository/restore/staged-state.ts'
import { stageId } from '../../../src/repository/restore/staging.ts'
import { swap } from '../../../src/repository/restore/swap.ts'
import { chooseTargets, type TargetRequest } from '../../../src/repository/restore/targets.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'

/** A clock that the test moves on. */
export function steppingClock(
  start = Date.UTC(2026, 10, 21, 10),
): Clock & { step(ms: number): void } {
  let now = start
  return {
    now: () => new Date(now),
    monotonicMs: () => now,
    sleep: async () => {},
    step: ms => {
      now += ms
    },
  }
}

export interface Root {
  readonly path: string
  readonly as?: string
  readonly immutable?: boolean
}

/** A folder, local hosts, a storage, and the whole way there and back. */
export interface RestoreScene {
  readonly folder: string
  readonly hosts: readonly Host[]
  readonly storage: Storage
  readonly run: string
  /** What stages warned of. */
  readonly warnings: readonly string[]
  backUp(roots: readonly Root[], plane?: PlaneChoice): Promise<string>
  plan(request?: Partial<TargetRequest>, backup?: string): Promise<readonly PlannedTarget[]>
  stage(request?: Partial<TargetRequest>, step?: string, io?: Io): Promise<Stage>
  swap(staged: Stage): Promise<void>
  close(): Promise<void>
}

export interface RestoreSceneOptions {
  /** How hosts are reached; each is this machine by default. */
  readonly addresses?: ConnectionPoolOptions['addresses']
  /** How a host gets blocks by itself, where it does. */
  readonly direct?: (host: Host) => Promise<DirectWay | undefined>
  /** A host in place of another. */
  readonly host?: (host: Host) => Host
}

export function makeRestoreScene(
  names: readonly string[] = ['here'],
  storage: Storage = createMemoryStorage(),
  { addresses, direct, host: asHost = host => host }: RestoreSceneOptions = {},
): RestoreScene {
  // Staging syncs a file system: one in memory does not wait for what other tests write.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bkp-restore-'))
  const clock = steppingClock()
  const pool = createConnectionPool({
    addresses: addresses ?? {
      get: name => ({
        name,
        transport: 'local',
        hostname: name,
        port: 22,
        strictHostKeyChecking: 'yes',
        knownHostsFiles: [],
        connectTimeoutMs: 1000,
      }),
    },
    random: systemRandom,
    clock,
  })
  const hosts = names.map(name => asHost(pool.host(name)))
  const run = '20261121_100000-abcdef'
  const warnings: string[] = []
  const scratchFolder = join(folder, 'scratch')
  mkdirSync(scratchFolder)

  const open = async (name: string) => {
    const repo = await openRepository(storage, quietIo)
    return { repo, backup: await resolveBackup(repo, { backup: name }, quietIo) }
  }

  const plan = async (request: Partial<TargetRequest> = {}, name = 'latest') => {
    const { repo, backup } = await open(name)
    const targets = chooseTargets(await readRoots(repo, backup, quietIo), {
      hostMap: {},
      pathMap: {},
      paths: [],
      hosts: names,
      allowMissing: [],
      ...request,
    })
    return await planStage(repo, backup, hosts, targets, quietIo)
  }

  return {
    folder,
    hosts,
    storage,
    run,
    warnings,
    backUp: async (roots, plane = 'auto') => {
      clock.step(5000)
      const sources = hosts.map(host =>
        openSource(
          host,
          roots.map(({ path, as, immutable }) => ({
            root: Buffer.from(as ?? path),
            source: Buffer.from(path),
            immutable: immutable ?? false,
          })),
          choosePlane(plane, host),
        ),
      )
      const { backup } = await backUp(
        {
          storage,
          clock,
          random: systemRandom,
          controller: 'test',
          toolVersion: '0',
          cluster: { kind: 'files', name: 'default' },
          sources,
          scratchFolder,
          acceptClock: true,
        },
        quietIo,
      )
      return backup
    },
    plan,
    stage: async (request = {}, step = '1', io = quietIo) => {
      const { repo, backup } = await open('latest')
      const id = stageId(run, step)
      const planned = await plan(request)
      const ways = new Map<string, DirectWay>()
      for (const host of hosts) {
        const way = await direct?.(host)
        if (way !== undefined) ways.set(host.name, way)
      }
      const warn = (warning: string): void => void warnings.push(warning)
      const options = { repo, backup, run, id, direct: ways, warn }
      return { id, backup: backup.name, hosts: await stage(options, hosts, planned, io) }
    },
    swap: async staged => {
      const states = await readStagedStates(hosts, staged, quietIo)
      await swap(hosts, states, { id: staged.id, run, keepUntil: clock.now() }, quietIo)
    },
    close: async () => {
      await pool.close()
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true })
    },
  }
}
