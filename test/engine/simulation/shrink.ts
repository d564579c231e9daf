import { type Failure, simulateSeed } from './check.ts'
import type { Script, ScriptStep, ScriptTask } from './script.ts'

/** The failure of the smallest runbook that taking things away leads to. */
export async function shrink(failure: Failure): Promise<Failure> {
  let smallest = failure
  for (let shrunk = true; shrunk; ) {
    shrunk = false
    for (const script of smallerScripts(smallest.script)) {
      const next = await simulateSeed(failure.seed, { script, deaths: failure.deaths })
      if (next === undefined || kindOf(next) !== kindOf(failure)) continue
      smallest = next
      shrunk = true
      break
    }
  }
  return smallest
}

/** What broke, without the names of steps and hosts. */
function kindOf({ violation }: Failure): string {
  return violation.message.replace(/\/[/\w]*|\bon \w+|\d+|[{[].*/g, '')
}

function* smallerScripts(script: Script): Generator<Script> {
  for (const hosts of without(script.hosts)) if (hosts.length > 0) yield { ...script, hosts }
  for (const plays of without(script.plays)) if (plays.length > 0) yield { ...script, plays }
  for (const [index, steps] of script.plays.entries()) {
    for (const smaller of smallerSteps(steps))
      yield { ...script, plays: script.plays.with(index, smaller) }
  }
}

function* smallerSteps(steps: readonly ScriptStep[]): Generator<readonly ScriptStep[]> {
  yield* without(steps)
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'task') {
      for (const key of Object.keys(step)) {
        if (['kind', 'name', 'register'].includes(key)) continue
        const kept = Object.entries(step).filter(([name]) => name !== key)
        yield steps.with(index, Object.fromEntries(kept) as unknown as ScriptTask)
      }
      continue
    }
    yield [...steps.slice(0, index), ...step.block, ...steps.slice(index + 1)]
    for (const part of ['block', 'rescue', 'always'] as const) {
      for (const smaller of smallerSteps(step[part])) {
        yield steps.with(index, { ...step, [part]: smaller })
      }
    }
  }
}

function* without<T>(list: readonly T[]): Generator<readonly T[]> {
  for (const index of list.keys()) yield list.toSpliced(index, 1)
}
