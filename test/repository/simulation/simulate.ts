import type { BackupOptions } from '../../../src/repository/backup.ts'
import { sha256 } from '../../../src/repository/manifest.ts'
import type { Repository } from '../../../src/repository/repository.ts'
import type { VacuumOptions } from '../../../src/repository/vacuum/vacuum.ts'
import { key } from '../../../src/storage/key.ts'
import { type Random, randomFrom } from '../../engine/simulation/random.ts'
import { smallGeometry } from '../support.ts'
import { createCluster } from './cluster.ts'
import { drive, type Weather } from './drive.ts'
import type { Mutant } from './mutants.ts'
import type { Process, Role } from './process.ts'
import {
  cancelOne,
  copyAll,
  createOrigin,
  forgetOne,
  restoreOne,
  runVacuum,
  type Stage,
  verifyAll,
  writeBackup,
} from './programs.ts'
import { isViolation, type Violation, violation } from './violation.ts'
import { createWorld, noTrouble, type World } from './world.ts'

/** What came of a seed. */
export interface Simulated {
  /** The promise that was broken; nothing where every one was kept. */
  readonly violation: Violation | undefined
  /** All that happened, a line each. */
  readonly log: readonly string[]
}

const dayMs = 24 * 60 * 60 * 1000
const tenYearsMs = 3652 * dayMs

/**
 * Runs one seed: some twenty processes meet on one repository, with faults, crashes, pauses and wrong
 * clocks; then all settles.
 */
export async function simulate(seed: number, mutant?: Mutant): Promise<Simulated> {
  const world = createWorld()
  try {
    await createScene(seed, world, mutant).play()
    return { violation: undefined, log: world.log }
  } catch (error) {
    if (isViolation(error)) return { violation: error, log: world.log }
    throw new Error(`seed ${seed} of the simulation`, { cause: error })
  }
}

/** The first seeds that fail, at most ten. */
export async function failuresOf(first: number, seeds: number): Promise<readonly string[]> {
  const failures: string[] = []
  for (let seed = first; seed < first + seeds && failures.length < 10; seed += 1) {
    const { violation } = await simulate(seed)
    if (violation !== undefined) failures.push(`seed ${seed}: ${violation.message}`)
  }
  return failures
}

function createScene(seed: number, world: World, mutant: Mutant | undefined) {
  const random = randomFrom(seed, 'scene')
  const weather = chooseWeather(random)
  const cluster = createCluster()
  const wrongClocks = random.chance(0.5)
  const guesses = random.chance(0.5)
  const checkpoints = random.chance(0.5)
  const longLists = random.chance(0.3)
  let origin: Repository | undefined
  const prepareOrigin = async (): Promise<void> => {
    if (random.chance(0.7)) return
    const hosts = [cluster.host()]
    cluster.change(random)
    origin = await createOrigin(world, [...hosts, cluster.host()])
  }
  let count = 0

  const begin = (
    role: Role,
    program: (stage: Stage) => Promise<unknown>,
    calm = false,
  ): Process => {
    count += 1
    const process = world.start({
      name: `${role}${count}`,
      role,
      rate: calm ? 1 : random.pick([1, 1, 1, 60, 10_000]),
      offsetMs: wrongClocks && !calm ? random.pick([0, 0, -tenYearsMs, tenYearsMs, dayMs]) : 0,
      pageSize: () => (calm ? 1000 : random.pick([1, 2, 5, 1000])),
    })
    const storage = mutant?.storage(process, world) ?? process.storage
    world.run(process, async () => {
      await program({ world, process, storage })
    })
    return process
  }

  const writer = (stage: Stage) => writeBackup(stage, cluster.host(), backupOptions())
  const backupOptions = (): Partial<BackupOptions> => ({
    parent: random.chance(0.9) ? 'auto' : 'none',
    ...(checkpoints ? { checkpointEveryMs: random.pick([0, 1000]) } : {}),
    ...(random.chance(0.2)
      ? { recoveryKit: [{ path: 'runbook.yml', content: Buffer.from('how to restore') }] }
      : {}),
    geometry: { ...smallGeometry, inlineListBytes: longLists ? 1 : 1_000_000 },
  })
  const vacuumOptions = (): Partial<VacuumOptions> => ({
    quarantineMs: random.chance(0.8) ? 0 : dayMs,
    policy: random.pick([{}, { maxBackups: 1 }, { maxBackups: 1 }, { retentionDays: 1 }]),
    ...(guesses ? { isAlive: () => random.chance(0.5) } : {}),
    ...(random.chance(0.2) ? { mostCandidates: 1 } : {}),
  })
  const someBackup = (): string | undefined => {
    const live = world.ledger.live()
    return live.length === 0 ? undefined : random.pick(live)
  }
  const startOne = (): void => {
    const from = origin
    if (from !== undefined && random.chance(0.15)) {
      const everyMs = random.pick([0, 600_000])
      begin('writer', stage => copyAll(stage, from, everyMs))
      return
    }
    const dice = random.next()
    if (dice < 0.4) {
      cluster.change(random)
      begin('writer', writer)
    } else if (dice < 0.7) begin('vacuum', stage => runVacuum(stage, vacuumOptions()))
    else {
      const backup = someBackup()
      if (backup === undefined) return
      if (dice < 0.85) begin('operator', stage => forgetOne(stage, backup))
      else if (dice < 0.88) begin('operator', cancelOne)
      else if (dice < 0.97) begin('reader', stage => restoreOne(stage, backup))
      else begin('reader', stage => verifyAll(stage, random.chance(0.5)))
    }
  }

  const calmly = async (): Promise<void> => {
    await drive(world, random, { weather: calm })
  }
  const succeed = async (what: string, program: (stage: Stage) => Promise<unknown>) => {
    let result: unknown = 'it did not end'
    begin(
      what === 'vacuum' ? 'vacuum' : 'writer',
      async stage => {
        result = await program(stage)
      },
      true,
    )
    await calmly()
    if (typeof result === 'string')
      throw violation('progress', `the last ${what} failed: ${result}`)
  }
  /** Everything that is not needed goes, whatever came before. */
  const collect = async (): Promise<void> => {
    world.pass(2 * dayMs)
    // Only where there is garbage does a vacuum decide sessions, and dead readers may pin the rest.
    const orphan = Buffer.from(`orphan ${world.now()}`)
    const orphanId = Buffer.from(sha256(orphan)).toString('hex')
    world.objects.put(key(`data/${orphanId}`), orphan)
    // The first ends what others began.
    for (let turn = 0; turn < 2; turn += 1) {
      await succeed('vacuum', stage => runVacuum(stage))
    }
    const needed = world.ledger.needed()
    for (const found of world.objects.page('data/', undefined, 1e6)) {
      if (needed.has(found.key)) continue
      throw violation('progress', `${found.key} is garbage, and stays`)
    }
  }
  const wake = (chance: number): void => {
    for (const process of world.processes) {
      if (process.state === 'frozen' && random.chance(chance)) process.state = 'running'
    }
  }
  return {
    play: async (): Promise<void> => {
      await succeed('backup', writer)
      await prepareOrigin()
      await drive(world, random, { weather, startOne, starts: 6 + random.below(14) })
      wake(0.5)
      await drive(world, random, { weather: { ...calm, arrives: 0.5 } })
      cluster.change(random)
      await succeed('backup', writer)
      await collect()
      // What was held up until now comes last: it must not harm what was made meanwhile.
      wake(1)
      while (world.late.length > 0) await world.arrive(random.pick(world.late))
      await calmly()
      await collect()
      await world.ledger.restoreAll()
    },
  }
}

const calm: Weather = Object.freeze({
  trouble: noTrouble,
  crash: 0,
  pause: 0,
  sharpness: 1,
  jump: 0,
  hours: 0,
  arrives: 0,
})

function chooseWeather(random: Random): Weather {
  const rate = random.pick([0, 0.002, 0.01, 0.03])
  return {
    trouble: { before: rate, after: rate, late: rate, twice: rate * 2 },
    crash: random.pick([0, 0.002, 0.01]),
    pause: random.pick([0, 0.01, 0.03]),
    sharpness: random.pick([1, 5, 15]),
    jump: random.pick([0, 0.01]),
    hours: random.pick([0, 0.005, 0.02]),
    arrives: random.pick([0.005, 0.05]),
  }
}
