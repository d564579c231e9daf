import { setImmediate } from 'node:timers/promises'
import type { Io } from '../../../src/base/io.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { Program } from '../../../src/engine/program.ts'
import type { Input, Outcome, Request } from '../../../src/engine/protocol.ts'
import type { EngineEvent, RunEvent, StepRef } from '../../../src/events/events.ts'
import type { Performer, Teller } from '../../../src/execute/driver.ts'
import { inheritanceOf } from '../../../src/execute/owed.ts'
import { createReplayer } from '../../../src/execute/replay.ts'
import { recordingOf } from '../../../src/execute/run.ts'
import { type Interpreter, type Life, live } from './live.ts'
import { type Random, randomFrom } from './random.ts'
import type { World } from './world.ts'

/** Something that happened to hosts, whether or not the run lived to hear of it. */
export interface Effect {
  readonly life: number
  readonly step: string
  readonly hosts: readonly string[]
  readonly item: number | undefined
  readonly settlesItem: number | undefined
  /** It did what it was to do. */
  readonly done: boolean
}

/** A run that is killed, and resumed or aborted, until it ends. */
export interface MortalRun {
  readonly lives: readonly Life[]
  readonly effects: readonly Effect[]
  /** The journal as each life found it, and as the last one left it. */
  readonly journals: readonly (readonly RunEvent[])[]
}

/** What a resumed life makes of the journal it finds. */
export type JournalReader = (events: readonly RunEvent[]) => readonly RunEvent[]

/** Runs through deaths as execute does: journal, recording, replayer; the last life ends. */
export async function liveThrough(
  seed: number,
  program: Program,
  world: World,
  interpreter: Interpreter,
  reads: JournalReader = events => events,
): Promise<MortalRun> {
  const random = randomFrom(seed, 'deaths')
  const deaths = 1 + random.below(3)
  const effects: Effect[] = []
  const lives: Life[] = []
  const journals: RunEvent[][] = [[]]
  for (let number = 0; ; number += 1) {
    const before = journals.at(-1) ?? []
    const journal = simulatedJournal(before)
    const life = await liveLife({
      number,
      random,
      program,
      world,
      interpreter,
      journal,
      effects,
      before: reads(before),
      killAfter: number < deaths ? random.below(60) : Number.POSITIVE_INFINITY,
      how: number === 0 ? undefined : random.chance(0.3) ? 'abort' : 'resume',
    })
    lives.push(life)
    journals.push(life.died ? journal.cutOff(random) : journal.whole())
    if (!life.died) return { lives, effects, journals }
  }
}

interface SimulatedJournal {
  append(event: EngineEvent): void
  synced(): void
  /** What a kill leaves: all that was synced, and some of what was not. */
  cutOff(random: Random): RunEvent[]
  whole(): RunEvent[]
}

function simulatedJournal(before: readonly RunEvent[]): SimulatedJournal {
  const durable = [...before]
  const waiting: RunEvent[] = []
  return Object.freeze({
    append: (event: EngineEvent) => {
      if (event.event === 'step.finished' && event.replayed) return
      waiting.push({ seq: 0, time: '', run: 'run', ...event } as RunEvent)
    },
    synced: () => void durable.push(...waiting.splice(0)),
    cutOff: (random: Random) => [...durable, ...waiting.slice(0, random.below(waiting.length + 1))],
    whole: () => [...durable, ...waiting],
  })
}

interface LifeSetting {
  readonly number: number
  readonly random: Random
  readonly program: Program
  readonly world: World
  readonly interpreter: Interpreter
  readonly journal: SimulatedJournal
  readonly effects: Effect[]
  readonly before: readonly RunEvent[]
  readonly killAfter: number
  readonly how: 'resume' | 'abort' | undefined
}

const io: Io = { signal: new AbortController().signal, progress: () => {} }

async function liveLife(setting: LifeSetting): Promise<Life> {
  const { number, random, program, world, journal, how } = setting
  const gates: (() => void)[] = []
  const ready: Input[] = []
  const seen = new Set<number>()
  let cancels = 0
  let steps = 0
  const gate = (): Promise<void> => new Promise(open => void gates.push(open))
  const performer = performerOf(setting, gate)
  const replayer =
    how === undefined
      ? performer
      : createReplayer({
          recording: recordingOf(program, setting.before, how),
          performer,
          recover: async request => recovered(setting, request.ref),
          how,
          cancel: () => {
            cancels += 1
          },
        })
  const tell: Teller = event => journal.append(event)
  const begin = (request: Request): void => {
    if (seen.has(request.id)) return
    seen.add(request.id)
    if (request.kind === 'confirm') {
      void replayer.confirm(request, quietIo.signal).then(granted => {
        ready.push({ kind: 'confirmed', id: request.id, granted })
      })
    } else {
      void replayer.perform(request, io, tell).then(outcome => {
        ready.push({ kind: 'performed', id: request.id, outcome })
      })
    }
  }
  if (how !== undefined) journal.append({ event: 'run.resumed', how })
  return await live({
    program,
    interpreter: setting.interpreter,
    inherited: inheritanceOf(program, setting.before),
    signals: number === 0 ? world.signals : laterSignals(random),
    watch: events => {
      for (const event of events) if (event.event !== 'run.finished') journal.append(event)
    },
    answer: async outstanding => {
      for (const request of outstanding) begin(request)
      for (;;) {
        // Everything that needs nothing from outside goes on until it waits again.
        await setImmediate()
        if (cancels > 0) {
          cancels = 0
          return { kind: 'cancel', level: 1 }
        }
        steps += 1
        if (steps > setting.killAfter) return undefined
        const choice = random.below(gates.length + ready.length)
        const [input] = ready.splice(choice - gates.length, choice >= gates.length ? 1 : 0)
        if (input !== undefined) return input
        const [open] = gates.splice(choice, 1)
        if (open === undefined) throw new Error('nothing is under way')
        open()
      }
    },
  })
}

function laterSignals(random: Random): World['signals'] {
  return random.chance(0.15) ? [{ after: random.below(10), level: random.pick([1, 1, 2]) }] : []
}

/** As apply.ts has it: looks, journals what begins, acts. It can be killed between any two. */
function performerOf(
  { number, random, program, world, journal, effects }: LifeSetting,
  gate: () => Promise<void>,
): Performer {
  return Object.freeze({
    confirm: async request => {
      await gate()
      return world.grants(request.step)
    },
    perform: async (request, _io, tell) => {
      const { ref } = request
      await gate()
      const outcome = realOutcome(program, ref, world.outcome(request))
      const happened = { ...placeOf(ref), life: number }
      if (outcome.status === 'ok') {
        effects.push({ ...happened, done: true })
        return outcome
      }
      if (outcome.status === 'unreachable' && random.chance(0.5)) return outcome
      tell({ event: 'step.started', ...ref, before: {} })
      journal.synced()
      await gate()
      effects.push({ ...happened, done: outcome.status === 'changed' })
      await gate()
      return outcome
    },
  } satisfies Performer)
}

/** What has to be let go of afterwards is no step that finds nothing to do, nor is letting go. */
function realOutcome(program: Program, ref: StepRef, outcome: Outcome): Outcome {
  const task = program.tasks.get(ref.step)
  const owes = task?.rollback !== undefined || task?.release !== undefined
  return outcome.status === 'ok' && (owes || ref.settles !== undefined)
    ? { ...outcome, status: 'changed' }
    : outcome
}

function placeOf(ref: StepRef): Omit<Effect, 'life' | 'done'> {
  return {
    step: ref.step,
    hosts: ref.hosts ?? [ref.host],
    item: ref.item?.index,
    settlesItem: ref.settles_item,
  }
}

/** What a module that can recover finds: it is done, or it is not known. */
function recovered({ random, effects }: LifeSetting, ref: StepRef): Outcome | undefined {
  const { step, hosts, item, settlesItem } = placeOf(ref)
  const owner = ref.settles ?? step
  const last = effects.findLast(
    effect =>
      hosts.some(host => effect.hosts.includes(host)) &&
      [owner, `${owner}/rollback`, `${owner}/release`].includes(effect.step) &&
      (effect.item ?? effect.settlesItem) === (item ?? settlesItem),
  )
  const found = last?.done && last.step === step && hosts.every(host => last.hosts.includes(host))
  return found && random.chance(0.5)
    ? { status: 'changed', result: { rc: 0, host: ref.host } }
    : undefined
}
