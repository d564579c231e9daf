import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { listBackups } from '../../../src/repository/catalogue.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import { vacuum } from '../../../src/repository/vacuum/vacuum.ts'
import { verify } from '../../../src/repository/verify.ts'
import { createFileStorage } from '../../../src/storage/file.ts'
import { backUp, backupOptions, quietIo, restoredTree } from '../support.ts'
import { contents, hostIn } from './content.ts'

/** What came of a soak: how much happened, and everything that was wrong. */
export interface Soaked {
  readonly kills: number
  readonly stops: number
  readonly committed: number
  readonly vacuums: number
  readonly deletedBlocks: number
  readonly revoked: number
  /** Backups that were there in the end, each restored and compared. */
  readonly restored: number
  readonly wrong: readonly string[]
}

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** One file that starts fast: most of a short life should not be spent on loading. */
async function bundledWorker(): Promise<string> {
  const folder = join(root, 'node_modules/.cache/bkp-soak')
  mkdirSync(folder, { recursive: true })
  const outfile = join(folder, `worker-${process.pid}.mjs`)
  await build({
    entryPoints: [join(root, 'test/repository/soak/worker.ts')],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'warning',
  })
  return outfile
}

/**
 * Processes back up and vacuum one repository, and are killed, or stopped for a while, at random; then
 * what is left is judged: every backup that was acknowledged is there whole, or was forgotten.
 */
export async function soak(
  directory: string,
  options: { readonly processes: number; readonly milliseconds: number },
): Promise<Soaked> {
  const program = await bundledWorker()
  const lines: string[] = []
  const living = new Map<number, ChildProcess>()
  const start = (worker: number): void => {
    const child = spawn(process.execPath, [program, directory, `${worker}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let rest = ''
    child.stdout.on('data', (piece: Buffer) => {
      const parts = `${rest}${piece.toString()}`.split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts)
    })
    living.set(worker, child)
  }
  let kills = 0
  let stops = 0
  // There has to be a repository: a vacuum of nothing is an error.
  const random = systemRandom
  const first = backupOptions(createFileStorage({ directory }), [hostIn(0, 0)], {
    clock: systemClock,
    random,
    labels: { worker: '0', version: '0' },
  })
  await backUp({ ...first, cluster: { kind: 'files', name: 'set0' } }, quietIo)
  for (let worker = 0; worker < options.processes; worker += 1) start(worker)
  const endsAt = Date.now() + options.milliseconds
  while (Date.now() < endsAt) {
    await sleep(Math.random() * (6000 / options.processes))
    const worker = Math.floor(Math.random() * options.processes)
    const child = living.get(worker)
    if (child === undefined) continue
    if (Math.random() < 0.3) {
      child.kill('SIGSTOP')
      stops += 1
      void sleep(Math.random() * 4000).then(() => child.kill('SIGCONT'))
      continue
    }
    if (hasEnded(child)) lines.push(`failed: worker ${worker} ended by itself`)
    kills += 1
    await end(child)
    start(worker)
  }
  for (const child of living.values()) await end(child)
  const count = (word: string): number => lines.filter(line => line.startsWith(word)).length
  const deleted = lines.map(line => Number(/^vacuumed \w+ (\d+)$/.exec(line)?.[1] ?? 0))
  const judged = await judge(directory, lines)
  return {
    kills,
    stops,
    committed: count('committed'),
    vacuums: count('vacuumed'),
    deletedBlocks: deleted.reduce((sum, blocks) => sum + blocks, 0),
    revoked: count('revoked'),
    ...judged,
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function judge(
  directory: string,
  lines: readonly string[],
): Promise<Pick<Soaked, 'restored' | 'wrong'>> {
  const wrong = lines.filter(line => line.startsWith('failed'))
  const storage = createFileStorage({ directory })
  const repo = await openRepository(storage, quietIo)
  const tools = { clock: systemClock, random: systemRandom }
  const before = await verify(repo, { ...tools, readData: true }, quietIo)
  wrong.push(...before.errors.map(({ message }) => message))
  const { backups, damaged } = await listBackups(repo, quietIo)
  wrong.push(...damaged.map(({ name }) => `${name} is damaged`))
  const listed = new Set(backups.map(({ name }) => name))
  for (const line of lines) {
    const [, name = ''] = /^committed (\S+)$/.exec(line) ?? []
    if (name !== '' && !listed.has(name)) wrong.push(`${name} was acknowledged and is gone`)
  }
  let restored = 0
  for (const { name, state, labels } of backups) {
    if (state !== 'complete') continue
    const [worker, version] = [Number(labels['worker']), Number(labels['version'])]
    const tree = contents(await restoredTree(repo, name, `db${worker}`))
    const made = contents(hostIn(worker, version).tree())
    if (JSON.stringify(tree) !== JSON.stringify(made)) wrong.push(`${name} restores something else`)
    restored += 1
  }
  wrong.push(...(await leftAfterVacuum(directory)))
  return { restored, wrong }
}

/** When all is quiet, vacuums get rid of everything that nothing references. */
async function leftAfterVacuum(directory: string): Promise<readonly string[]> {
  const inner = createFileStorage({ directory })
  const storage = {
    ...inner,
    now: async () => new Date(Date.now() + 7 * 86_400_000),
  }
  const options = { storage, quarantineMs: 0, acceptClock: true, controller: 'soak' }
  const tools = { clock: systemClock, random: systemRandom, isAlive: () => false }
  let state = ''
  for (let turn = 0; turn < 3 && state !== 'none'; turn += 1) {
    ;({ state } = await vacuum({ ...options, ...tools }, quietIo))
  }
  const repo = await openRepository(storage, quietIo)
  const { errors } = await verify(
    repo,
    { clock: systemClock, random: systemRandom, readData: true },
    quietIo,
  )
  return [
    ...errors.map(({ message }) => `after the last vacuum: ${message}`),
    ...(state === 'none' ? [] : [`the last vacuum ended as ${state}`]),
  ]
}
