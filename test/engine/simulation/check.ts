import { isDeepStrictEqual } from 'node:util'
import { advance } from '../../../src/engine/advance.ts'
import type { Program } from '../../../src/engine/program.ts'
import { initialState } from '../../../src/engine/state.ts'
import type { EngineEvent } from '../../../src/events/events.ts'
import { checkResume } from './check-resume.ts'
import { type Interpreter, type Life, liveOnce, programOfScript } from './live.ts'
import { followLife } from './model.ts'
import { type JournalReader, liveThrough } from './mortal.ts'
import { randomScript, type Script } from './script.ts'
import { isViolation, type Violation, violation } from './violation.ts'
import { createWorld } from './world.ts'

/** A seed that breaks a promise, with the runbook that does. */
export interface Failure {
  readonly seed: number
  readonly script: Script
  readonly deaths: boolean
  readonly lives: readonly Life[]
  readonly violation: Violation
}

export interface Simulated {
  /** Another interpreter than the one that ships. */
  readonly interpreter?: Interpreter
  /** Another runbook than the seed's. */
  readonly script?: Script
  /** Another way of reading the journal when a run is resumed. */
  readonly reads?: JournalReader
  /** Whether the run is killed on its way, and resumed or aborted. */
  readonly deaths?: boolean
}

/** Simulates a seed; undefined where every promise is kept. */
export async function simulateSeed(
  seed: number,
  { interpreter = advance, script = randomScript(seed), deaths = false, reads }: Simulated = {},
): Promise<Failure | undefined> {
  const lives: Life[] = []
  try {
    const program = programOfScript(script)
    const world = createWorld(seed)
    if (deaths) {
      const run = await liveThrough(seed, program, world, interpreter, reads)
      lives.push(...run.lives)
      for (const life of lives) checkLife(script, life)
      checkResume(script, run)
    } else {
      const life = await liveOnce(program, world, interpreter)
      lives.push(life)
      checkLife(script, life)
    }
    for (const life of seed % 4 === 0 ? lives : []) refold(program, life, interpreter)
    return undefined
  } catch (thrown) {
    const broken = isViolation(thrown) ? thrown : asViolation(thrown)
    return { seed, script, deaths, lives, violation: broken }
  }
}

/** The first failures among some seeds, each with the command that shows it. */
export async function failuresOf(options: {
  readonly first: number
  readonly seeds: number
  readonly deaths?: boolean
}): Promise<readonly string[]> {
  const { first, seeds, deaths = false } = options
  const failures: string[] = []
  for (let seed = first; seed < first + seeds && failures.length < 5; seed += 1) {
    const failure = await simulateSeed(seed, { deaths })
    if (failure === undefined) continue
    failures.push(`npm run sim -- --seed ${seed}: ${failure.violation.message}`)
  }
  return failures
}

/** A frozen state that is written to throws; whatever else it throws, it should not. */
function asViolation(thrown: unknown): Violation {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return violation(/read only|not extensible|Cannot delete/.test(text) ? 'purity' : 'order', text)
}

/** Checks one life by its own log. @throws Violation */
function checkLife(script: Script, life: Life): void {
  followLife(script, life)
  if (!life.died) checkDebts(life)
}

/** In the events: each debt of a host is announced once and settled once. */
function checkDebts(life: Life): void {
  const open = new Map<string, number>()
  const inherited = new Set(
    life.inherited.owed.flatMap(({ kind, task, item, hosts }) =>
      hosts.map(host => keyOf(kind, task, item?.index, item?.value, host)),
    ),
  )
  for (const key of inherited) open.set(key, 1)
  for (const entry of life.log) {
    if (entry.kind !== 'event') continue
    for (const [key, change] of debtsOf(entry.event)) {
      // What a step owes again is no longer owed by a life before.
      const taken = change === 1 && inherited.delete(key) ? 1 : 0
      const left = (open.get(key) ?? 0) + change - taken
      if (left < 0 || left > 1) throw violation('owed', `${key} is owed ${left} times`)
      open.set(key, left)
    }
  }
  for (const [key, left] of open) {
    if (left > 0) throw violation('owed', `${key} is owed, and nothing is said of it afterwards`)
  }
}

function debtsOf(event: EngineEvent): readonly (readonly [string, 1 | -1])[] {
  if (event.event !== 'owed' && event.event !== 'settled') return []
  const [step, item] =
    event.event === 'owed' ? [event.step, event.item?.index] : [event.settles, event.settles_item]
  return (event.hosts ?? [event.host]).map(host => [
    keyOf(event.kind, step, item, event.item_value, host),
    event.event === 'owed' ? 1 : -1,
  ])
}

function keyOf(
  kind: string,
  step: string | undefined,
  item: number | undefined,
  value: unknown,
  host: string,
): string {
  return `${kind} of ${step} item ${item ?? '-'} ${JSON.stringify(value)} on ${host}`
}

/** Folding the same inputs gives the same requests, events and state. */
function refold(program: Program, life: Life, interpreter: Interpreter): void {
  let state = initialState()
  const outputs: unknown[] = []
  for (const input of life.inputs) {
    const next = interpreter(program, state, input)
    state = next.state
    outputs.push(...next.events, ...next.requests)
  }
  const before: unknown[] = []
  for (const entry of life.log) {
    if (entry.kind === 'event') before.push(entry.event)
    if (entry.kind === 'request') before.push(entry.request)
  }
  if (!isDeepStrictEqual(state, life.state)) throw violation('purity', 'another state comes out')
  const told = (list: readonly unknown[]): string =>
    list
      .map(one => JSON.stringify(one))
      .sort()
      .join()
  if (told(outputs) !== told(before)) throw violation('purity', 'other events or requests come out')
}
