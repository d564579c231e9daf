import type { RunEvent } from '../../../src/events/events.ts'
import { owedOf } from '../../../src/execute/owed.ts'
import type { Effect, MortalRun } from './mortal.ts'
import { type Script, type ScriptTask, tasksById } from './script.ts'
import { violation } from './violation.ts'

/** What must hold over all lives of a run, by what happened on the hosts. @throws Violation */
export function checkResume(script: Script, run: MortalRun): void {
  const tasks = tasksById(script)
  checkFresh(run, tasks)
  for (const [id, task] of tasks) {
    if (task.release !== undefined) checkReleased(run, id)
    if (task.rollback !== undefined) checkRolledBack(run, id)
  }
  checkJournal(run)
  checkNothingTwice(run, tasks)
}

/** Where a step took effect: every host and item, with its last time. */
function lastEffects(
  run: MortalRun,
  step: string,
): { readonly host: string; readonly item: number | undefined; readonly at: number }[] {
  const found = new Map<string, { host: string; item: number | undefined; at: number }>()
  for (const [at, effect] of run.effects.entries()) {
    if (effect.step !== step) continue
    for (const host of effect.hosts) {
      found.set(`${host} ${effect.item}`, { host, item: effect.item, at })
    }
  }
  return [...found.values()]
}

function isSettledAfter(
  run: MortalRun,
  step: string,
  host: string,
  item: number | undefined,
  at: number,
): boolean {
  return run.effects.some(
    (effect, index) =>
      index > at &&
      effect.step === step &&
      effect.done &&
      effect.settlesItem === item &&
      effect.hosts.includes(host),
  )
}

function isKnownAsOwed(
  run: MortalRun,
  kind: string,
  step: string,
  host: string,
  item: number | undefined,
): boolean {
  return (run.lives.at(-1)?.state.unsettled ?? []).some(
    owed =>
      owed.kind === kind &&
      owed.task === step &&
      owed.item?.index === item &&
      owed.hosts.includes(host),
  )
}

/** Whatever a step took hold of was let go of afterwards, in whichever life. */
function checkReleased(run: MortalRun, step: string): void {
  for (const { host, item, at } of lastEffects(run, step)) {
    if (isSettledAfter(run, `${step}/release`, host, item, at)) continue
    if (isKnownAsOwed(run, 'release', step, host, item)) continue
    throw violation('owed', `${step} item ${item ?? '-'} on ${host} was never released`)
  }
}

/** In the end a step is either in effect and its block succeeded, or it is undone. */
function checkRolledBack(run: MortalRun, step: string): void {
  const journal = run.journals.at(-1) ?? []
  for (const { host, item, at } of lastEffects(run, step)) {
    if (isKnownAsOwed(run, 'rollback', step, host, item)) continue
    const outcome = lastSettled(journal, step, host, item)
    const undone = isSettledAfter(run, `${step}/rollback`, host, item, at)
    const told = `${step} item ${item ?? '-'} on ${host}`
    if (outcome === 'ran' && !undone) throw violation('owed', `${told} was not rolled back`)
    if (outcome === 'dropped' && undone && lastAttempt(run, step, host, item) === 'done')
      throw violation('owed', `${told} was left rolled back`)
    if (outcome === undefined) throw violation('owed', `${told}: its rollback is forgotten`)
  }
}

/**
 * How the last attempt at a step ended. One that was not begun (an aborted run leaves alone what an
 * earlier life has undone) or failed put nothing into effect that its dropped rollback could undo.
 */
function lastAttempt(
  run: MortalRun,
  step: string,
  host: string,
  item: number | undefined,
): 'done' | 'not done' {
  const asked = run.lives.flatMap(({ log }) =>
    log.flatMap(entry => {
      if (entry.kind !== 'request' || entry.request.kind !== 'perform') return []
      const { ref, id } = entry.request
      const same = ref.step === step && ref.item?.index === item
      return same && (ref.hosts ?? [ref.host]).includes(host) ? [{ id, log }] : []
    }),
  )
  const last = asked.at(-1)
  const isUndone = (last?.log ?? []).some(
    entry =>
      entry.kind === 'input' &&
      entry.input.kind === 'performed' &&
      entry.input.id === last?.id &&
      (entry.input.outcome.notBegun === true ||
        entry.input.outcome.status === 'failed' ||
        entry.input.outcome.status === 'unreachable'),
  )
  return isUndone ? 'not done' : 'done'
}

function lastSettled(
  journal: readonly RunEvent[],
  step: string,
  host: string,
  item: number | undefined,
): string | undefined {
  const event = journal.findLast(
    candidate =>
      candidate.event === 'settled' &&
      candidate.kind === 'rollback' &&
      candidate.settles === step &&
      candidate.settles_item === item &&
      (candidate.hosts ?? [candidate.host]).includes(host),
  )
  return event?.event === 'settled' ? event.outcome : undefined
}

/** The journal says that something is owed exactly if the run said so. */
function checkJournal(run: MortalRun): void {
  const owed = owedOf(run.journals.at(-1) ?? [])
  const unsettled = run.lives.at(-1)?.state.unsettled ?? []
  if ((owed.length === 0) === (unsettled.length === 0)) return
  throw violation('owed', `the journal owes ${JSON.stringify(owed)}, the run ${unsettled.length}`)
}

/** What is journaled as done is not done again, unless it or what it rests on was undone since. */
function checkNothingTwice(run: MortalRun, tasks: ReadonlyMap<string, ScriptTask>): void {
  for (const [index, effect] of run.effects.entries()) {
    const journal = run.journals[effect.life] ?? []
    if (isConditional(effect.step) || !isDone(journal, effect)) continue
    const settled = settledSteps(journal, run.effects.slice(0, index))
    if (isExcused(effect.step, settled, tasks)) continue
    throw violation('resume', `${effect.step} on ${effect.hosts.join()} is done again`)
  }
}

/** What a rescue, an always, a rollback or a release did depends on how its block went. */
function isConditional(step: string): boolean {
  return /\/(rescue|always|rollback|release)\b/.test(step)
}

function isDone(journal: readonly RunEvent[], effect: Effect): boolean {
  const last = journal.findLast(
    event =>
      event.event === 'step.finished' &&
      event.step === effect.step &&
      event.item?.index === effect.item &&
      (event.hosts ?? [event.host]).join() === effect.hosts.join(),
  )
  return last?.event === 'step.finished' && ['ok', 'changed', 'ignored'].includes(last.status)
}

function settledSteps(
  journal: readonly RunEvent[],
  effects: readonly Effect[],
): ReadonlySet<string> {
  const told = journal.flatMap(event =>
    (event.event === 'settled' || event.event === 'step.started') && event.settles !== undefined
      ? [event.settles]
      : [],
  )
  const happened = effects.flatMap(({ step }) =>
    /\/(rollback|release)$/.test(step) ? [step.replace(/\/(rollback|release)$/, '')] : [],
  )
  return new Set([...told, ...happened])
}

/** It was settled itself, or it rests on a result of something that was. */
function isExcused(
  step: string,
  settled: ReadonlySet<string>,
  tasks: ReadonlyMap<string, ScriptTask>,
): boolean {
  if (settled.has(step)) return true
  const uses = tasks.get(step)?.uses
  const owner = [...tasks].find(([, task]) => uses !== undefined && task.register === uses)
  return owner !== undefined && isExcused(owner[0], settled, tasks)
}

/** A step never works on what has been released: its maker runs again first. */
function checkFresh(run: MortalRun, tasks: ReadonlyMap<string, ScriptTask>): void {
  for (const [at, effect] of run.effects.entries()) {
    const uses = tasks.get(effect.step)?.uses
    const owner = [...tasks].find(([, task]) => uses !== undefined && task.register === uses)
    if (owner === undefined) continue
    const [id] = owner
    for (const host of effect.hosts) {
      const past = run.effects
        .slice(0, at)
        .filter(({ step, hosts }) => hosts.includes(host) && [id, `${id}/release`].includes(step))
      const last = past.at(-1)
      if (last?.step === `${id}/release`) {
        throw violation('resume', `${effect.step} on ${host} uses what ${id} made and let go of`)
      }
    }
  }
}
