import type { Random } from '../../engine/simulation/random.ts'
import type { Process, Request } from './process.ts'
import type { Fate, Trouble, World } from './world.ts'

/** What happens beside the operations, by probability at each step. */
export interface Weather {
  readonly trouble: Trouble
  /** The process that would move is killed. */
  readonly crash: number
  /** It stops for a while, or for as long as possible. */
  readonly pause: number
  /** How much more likely it stops where the order of things matters most. */
  readonly sharpness: number
  /** Its clock jumps by ten years. */
  readonly jump: number
  /** Hours pass. */
  readonly hours: number
  /** Something arrives that was on its way. */
  readonly arrives: number
}

export interface DriveOptions {
  readonly weather: Weather
  /** Starts one more process. */
  readonly startOne?: () => void
  /** How many are started altogether. */
  readonly starts?: number
}

const tenYearsMs = 3652 * 24 * 60 * 60 * 1000
/** More steps than any seed needs: something does not end. */
const limit = 50_000

/**
 * Lets one process at a time move by one operation, until all have ended or are frozen for good. The
 * only source of chance is `random`.
 */
export async function drive(world: World, random: Random, options: DriveOptions): Promise<void> {
  const { weather, startOne = () => {} } = options
  let starts = options.starts ?? 0
  let nextStart = 0
  // All that was started before this is under way only once the loop has been waited for.
  await new Promise(resolve => setImmediate(resolve))
  for (let step = 0; step < limit; step += 1) {
    if (starts > 0 && step >= nextStart) {
      starts -= 1
      nextStart = step + random.below(60)
      startOne()
      await new Promise(resolve => setImmediate(resolve))
    }
    thaw(world, step)
    world.pass(random.chance(weather.hours) ? random.below(10 * 3_600_000) : random.below(2000))
    if (world.late.length > 0 && random.chance(weather.arrives)) {
      await world.arrive(random.pick(world.late))
    }
    const request = choose(world, random)
    if (request !== undefined) await move(world, random, weather, step, request)
    else if (!wait(world) && starts === 0 && !thawFirst(world)) return
    else nextStart = step
  }
  throw new Error('the simulation does not end')
}

async function move(
  world: World,
  random: Random,
  weather: Weather,
  step: number,
  request: Request,
): Promise<void> {
  const { process } = request
  if (random.chance(weather.crash)) {
    await world.kill(process, random)
  } else if (random.chance(weather.pause * (isCritical(request) ? weather.sharpness : 1))) {
    process.state = 'frozen'
    process.until = random.chance(0.2) ? Number.POSITIVE_INFINITY : step + random.below(300)
  } else {
    if (random.chance(weather.jump)) process.clock.offsetMs += random.pick([-1, 1]) * tenYearsMs
    await world.answer(request, chooseFate(random, weather.trouble))
  }
}

/** What the protocol orders: announcements, plans and seals, commits, and each deletion. */
function isCritical({ kind, key }: Request): boolean {
  if (kind === 'delete') return key.startsWith('data/')
  if (kind === 'list') return key === 'gc/' || key === 'sessions/'
  return kind === 'putIfAbsent' && !key.startsWith('forgotten/')
}

/** Processes are equally fast, however much each has under way. */
function choose(world: World, random: Random): Request | undefined {
  const ready = world.ready()
  if (ready.length === 0) return undefined
  const processes = [...new Set(ready.map(({ process }) => process))]
  const process = random.pick(processes)
  return random.pick(ready.filter(request => request.process === process))
}

function chooseFate(random: Random, trouble: Trouble): Fate {
  let dice = random.next()
  for (const fate of ['before', 'after', 'late', 'twice'] as const) {
    dice -= trouble[fate]
    if (dice < 0) return fate
  }
  return 'well'
}

/** Time passes until the first sleeper wakes; false where nobody sleeps. */
function wait(world: World): boolean {
  const wake = world.nextWake()
  if (wake === undefined) return false
  world.pass(Math.max(0, wake - world.now()))
  return true
}

const isStopped = ({ state, until }: Process): boolean =>
  state === 'frozen' && until !== Number.POSITIVE_INFINITY

function thaw(world: World, step: number): void {
  for (const process of world.processes) {
    if (isStopped(process) && process.until <= step) process.state = 'running'
  }
}

/** Nobody else moves: the pauses that end need not be waited for. */
function thawFirst(world: World): boolean {
  const stopped = world.processes.filter(isStopped)
  for (const process of stopped) process.state = 'running'
  return stopped.length > 0
}
