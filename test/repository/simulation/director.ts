import { sha256 } from '../../../src/repository/manifest.ts'
import type { BackupName } from '../../../src/repository/names.ts'
import { bytesOf, type MemoryHost, memoryHost } from '../support.ts'
import { hostName } from './ledger.ts'
import type { Mutant } from './mutants.ts'
import type { Process, Request, Role } from './process.ts'
import { forgetOne, restoreOne, runVacuum, type Stage, writeBackup } from './programs.ts'
import { createWorld } from './world.ts'

/** A process that moves only when it is told to. */
export interface Actor {
  readonly process: Process
  /**
   * Lets it go on up to the first request of that kind and key, which is not answered yet: `put data/`.
   * False where it ended before it came to that.
   */
  until(request: RegExp): Promise<boolean>
  /** The same, and that request is answered. */
  past(request: RegExp): Promise<void>
  finish(): Promise<void>
}

/** A schedule written down: who moves when, and nothing else does. */
export interface Director {
  /** A backup that is begun. With a mutant, its storage is the mutant's. */
  writer(files: readonly string[], options?: WriterOptions): Actor
  vacuum(): Actor
  /** A restore that pins what it reads. */
  reader(backup: BackupName): Actor
  /** A backup from beginning to end, by the real protocol. */
  backUp(...files: readonly string[]): Promise<BackupName>
  /** What was committed last and not forgotten. */
  newest(): BackupName
  forget(backup: BackupName): Promise<void>
  /** A vacuum from beginning to end, by the real protocol. */
  collect(): Promise<void>
  hoursPass(): void
  /** Reads every live backup. @throws Violation */
  restoreAll(): Promise<void>
  readonly log: readonly string[]
}

interface WriterOptions {
  readonly checkpoints?: boolean
  /** False: by the real protocol, whatever the mutant. */
  readonly mutated?: boolean
}

/** One block of the small geometry. */
export const contentOf = (file: string): string => file.repeat(64)

/** The key under which a file's one block was stored first. */
export function plainKey(file: string): string {
  return `data/${Buffer.from(sha256(bytesOf(contentOf(file)))).toString('hex')}`
}

export function createDirector(mutant?: Mutant): Director {
  const world = createWorld()
  let count = 0
  const start = (
    role: Role,
    program: (stage: Stage) => Promise<unknown>,
    mutated = false,
  ): Actor => {
    count += 1
    const process = world.start({ name: `${role}${count}`, role })
    const storage = (mutated ? mutant?.storage(process, world) : undefined) ?? process.storage
    world.run(process, async () => {
      await program({ world, process, storage })
    })
    const until = async (wanted: (request: Request) => boolean): Promise<boolean> => {
      await new Promise(resolve => setImmediate(resolve))
      while (process.state === 'running') {
        const pending = [...process.pending]
        if (pending.some(wanted)) return true
        const next = pending.toSorted((a, b) => a.readyAt - b.readyAt)[0]
        if (next === undefined) throw new Error(`${process.name} waits for nothing`)
        world.pass(Math.max(0, next.readyAt - world.now()))
        await world.answer(next)
      }
      return false
    }
    const isLike =
      (wanted: RegExp) =>
      ({ kind, key }: Request): boolean =>
        wanted.test(`${kind} ${key}`)
    return {
      process,
      until: request => until(isLike(request)),
      past: async request => {
        await until(isLike(request))
        const found = [...process.pending].find(isLike(request))
        if (found !== undefined) await world.answer(found)
      },
      finish: async () => {
        await until(() => false)
      },
    }
  }
  const writer = (files: readonly string[], options: WriterOptions = {}): Actor => {
    const changes = options.checkpoints === true ? { checkpointEveryMs: 0 } : {}
    const program = (stage: Stage) => writeBackup(stage, hostWith(files), changes)
    return start('writer', program, options.mutated ?? true)
  }
  const newest = (): BackupName => {
    const name = world.ledger.live().at(-1)
    if (name === undefined) throw new Error('there is no backup')
    return name
  }
  return Object.freeze({
    log: world.log,
    writer,
    vacuum: () => start('vacuum', runVacuum, true),
    reader: backup => start('reader', stage => restoreOne(stage, backup), true),
    backUp: async (...files) => {
      // Names are seconds: each backup gets one of its own.
      world.pass(1000)
      await writer(files, { mutated: false }).finish()
      return newest()
    },
    newest,
    forget: async backup => {
      await start('operator', stage => forgetOne(stage, backup)).finish()
    },
    collect: async () => {
      await start('vacuum', runVacuum).finish()
    },
    restoreAll: () => world.ledger.restoreAll(),
    hoursPass: () => {
      world.pass(7 * 60 * 60 * 1000)
    },
  } satisfies Director)
}

function hostWith(files: readonly string[]): MemoryHost {
  const host = memoryHost(hostName)
  for (const file of files) host.set(file, contentOf(file))
  return host
}
