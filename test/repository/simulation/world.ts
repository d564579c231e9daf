import { BkpError } from '../../../src/base/errors.ts'
import type { Random } from '../../engine/simulation/random.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createObjects, type Objects } from './objects.ts'
import { createProcess, epoch, type Process, type Request, type Role } from './process.ts'
import { violation } from './violation.ts'

/** What may go wrong with an operation, by probability. */
export interface Trouble {
  /** It did not happen, and fails. */
  readonly before: number
  /** It happened, and the answer is lost. */
  readonly after: number
  /** It fails, and happens some time later. */
  readonly late: number
  /** It happens, and once more some time later: a request that was sent twice. */
  readonly twice: number
}

export const noTrouble: Trouble = Object.freeze({ before: 0, after: 0, late: 0, twice: 0 })

/** How one operation ends. */
export type Fate = 'well' | keyof Trouble

/** What can be done to one world: its processes move by nothing else. */
export interface World {
  readonly objects: Objects
  readonly ledger: Ledger
  /** Milliseconds since the beginning. */
  now(): number
  pass(milliseconds: number): void
  start(options: StartOptions): Process
  /** Runs a program in a process; its end is waited for by nobody. */
  run(process: Process, program: () => Promise<void>): void
  /** Requests that can be answered now, in the order they were made. */
  ready(among?: (process: Process) => boolean): readonly Request[]
  /** When the first sleeper of the running ones wakes. */
  nextWake(): number | undefined
  /** Answers a request. @throws Violation */
  answer(request: Request, fate?: Fate): Promise<void>
  /** Ends a process for good; what it had under way may still happen. */
  kill(process: Process, random: Random): Promise<void>
  /** Effects that are still on their way. */
  readonly late: Request[]
  /** Lets an effect happen that is on its way. */
  arrive(request: Request): Promise<void>
  readonly processes: readonly Process[]
  /** What happened, a line each. */
  readonly log: string[]
}

interface StartOptions {
  readonly name: string
  readonly role: Role
  readonly rate?: number
  readonly offsetMs?: number
  readonly pageSize?: () => number
}

export function createWorld(): World {
  let now = 0
  const objects = createObjects(() => new Date(epoch + now))
  const ledger = createLedger(objects)
  const processes: Process[] = []
  const late: Request[] = []
  const log: string[] = []
  let failure: { readonly error: unknown } | undefined

  const note = (request: Request, what: string): void => {
    log.push(`${request.process.name}: ${request.kind} ${request.key}${what}`)
  }
  // Until every process waits for something again.
  const settle = async (): Promise<void> => {
    await new Promise(resolve => setImmediate(resolve))
    if (failure !== undefined) throw failure.error
  }
  const happen = async (request: Request): Promise<() => void> => {
    let tell: () => void
    try {
      const value = request.effect()
      tell = () => request.resolve(value)
    } catch (error) {
      tell = () => request.reject(error)
    }
    await inspect()
    return tell
  }
  const inspect = async (): Promise<void> => {
    try {
      await ledger.inspect(objects.changes())
    } catch (error) {
      // Reading what was just committed failed.
      if (error instanceof BkpError) throw violation('loss', error.message)
      throw error
    }
  }
  const arrive = async (request: Request): Promise<void> => {
    late.splice(late.indexOf(request), 1)
    note(request, ' arrives')
    await happen(request)
  }
  return Object.freeze({
    objects,
    ledger,
    processes,
    late,
    log,
    now: () => now,
    pass: milliseconds => {
      now += milliseconds
    },
    start: ({ name, role, rate = 1, offsetMs = 0, pageSize = () => 1000 }) => {
      const clockAndPages = { rate, offsetMs, pageSize }
      const process = createProcess({ name, role, objects, now: () => now, ...clockAndPages })
      processes.push(process)
      return process
    },
    run: (process, program) => {
      program()
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => {
          if (process.state !== 'dead') process.state = 'ended'
        })
    },
    ready: (among = ({ state }) => state === 'running') =>
      processes.flatMap(process =>
        among(process) ? [...process.pending].filter(({ readyAt }) => readyAt <= now) : [],
      ),
    nextWake: () => {
      const wakes = processes.flatMap(({ state, pending }) =>
        state === 'running' ? [...pending].map(({ readyAt }) => readyAt) : [],
      )
      return wakes.length === 0 ? undefined : Math.min(...wakes)
    },
    answer: async (request, fate = 'well') => {
      request.process.pending.delete(request)
      const canFail = request.kind !== 'sleep'
      if (!canFail || fate === 'well' || (fate === 'twice' && !isWrite(request))) {
        note(request, '')
        const tell = await happen(request)
        tell()
      } else if (fate === 'twice') {
        note(request, ' (sent twice)')
        const tell = await happen(request)
        late.push(request)
        tell()
      } else {
        note(request, ` fails ${fate === 'after' ? 'after' : 'before'} its effect`)
        if (fate === 'after') await happen(request)
        if (fate === 'late' && isWrite(request)) late.push(request)
        request.reject(lostAnswer())
      }
      await settle()
    },
    kill: async (process, random) => {
      log.push(`${process.name}: is killed`)
      process.state = 'dead'
      for (const request of process.pending) {
        if (isWrite(request) && random.chance(0.5)) late.push(request)
      }
      process.pending.clear()
      await settle()
    },
    arrive,
  } satisfies World)
}

function isWrite({ kind }: Request): boolean {
  return kind === 'put' || kind === 'putIfAbsent' || kind === 'delete'
}

function lostAnswer(): BkpError {
  return new BkpError('storage.unreachable', 'a simulated fault', {
    hint: 'none: this is a simulation',
  })
}
