import { createLedger } from './ledger.ts'
import type { Life } from './live.ts'
import { type Debt, followTask, isEnding, type Place, type Run } from './model-task.ts'
import { createMoves } from './moves.ts'
import { itemOn, type Script, type ScriptBlock, type ScriptStep, tasksById } from './script.ts'
import { violation } from './violation.ts'

/** How the run ended by the model: undefined where it was cut off. */
export interface Ending {
  readonly exitCode: number
  readonly unsettled: readonly Debt[]
}

/**
 * Follows a life through its log, step by step, as the specification has it (design.md §3-4,
 * specs/engine.md a.5-a.9): written in direct style over the generated script, it shares nothing with the
 * reducer.
 * @throws Violation for the first thing that should not have happened, or did not
 */
export function followLife(script: Script, life: Life): Ending | undefined {
  const moves = createMoves(life.log, life.died)
  const run: Run = {
    moves,
    ledger: createLedger(),
    signal: 0,
    refused: false,
    inherited: inheritedBy(script, life),
    unsettled: [],
  }
  try {
    return followRun(run, script, life)
  } catch (thrown) {
    if (moves.wasCutOff(thrown)) return undefined
    throw thrown
  }
}

/** What earlier lives owe, in the model's terms. */
function inheritedBy(script: Script, life: Life): Debt[] {
  const tasks = tasksById(script)
  return life.inherited.owed.map(({ kind, task: step, item, hosts }) => {
    const task = tasks.get(step)?.[kind]
    if (task === undefined) throw violation('owed', `${step} owes no ${kind}`)
    const value = item === undefined ? undefined : String(item.value)
    const owner = tasks.get(step)
    for (const host of owner?.cluster || owner?.runOnce ? [] : hosts) {
      const template = owner?.items?.[item?.index ?? 0]
      if (template !== undefined && itemOn(host, template) !== value) {
        throw violation('owed', `${step} on ${host} was begun with another item than ${value}`)
      }
    }
    return { kind, step, task, index: item?.index, item: value, hosts: [...hosts] }
  })
}

function followRun(run: Run, script: Script, life: Life): Ending {
  if (run.moves.takeInput().kind !== 'start') throw violation('order', 'a run begins with start')
  const removed = new Set<string>()
  for (const [index, steps] of script.plays.entries()) {
    if (run.signal > 0 || removed.size === script.hosts.length) break
    const hosts = script.hosts.filter(host => !removed.has(host))
    for (const host of hosts) run.ledger.open(host)
    const block: ScriptBlock = { kind: 'block', block: steps, rescue: [], always: [] }
    const outside: Place = { inAlways: false, rescueAround: false, debts: [] }
    for (const host of followBlock(run, outside, `/${index}`, block, hosts, 'tasks')) {
      removed.add(host)
    }
  }
  // What lives before owe of steps that this one did not come to: the last play first.
  for (let index = script.plays.length - 1; index >= 0; index -= 1) {
    const place: Place = { inAlways: false, rescueAround: false, debts: [] }
    inherit(run, place, `/${index}/`)
    for (const { hosts } of place.debts) for (const host of hosts) run.ledger.open(host)
    settleAll(run, place, 'release')
  }
  run.moves.atEnd()
  checkEnd(run, life, removed)
  return { exitCode: exitCodeOf(run), unsettled: run.unsettled }
}

/** Follows a block; returns the hosts that it loses. */
function followBlock(
  run: Run,
  outer: Place,
  id: string,
  block: ScriptBlock,
  hosts: readonly string[],
  main: 'tasks' | 'block' = 'block',
): ReadonlySet<string> {
  const place: Place = { ...outer, debts: [] }
  const guarded = { ...place, rescueAround: outer.rescueAround || block.rescue.length > 0 }
  const failed = new Set(followSteps(run, guarded, `${id}/${main}`, block.block, hosts, true))
  const rollbacks = place.debts.some(({ kind }) => kind === 'rollback')
  if (rollbacks && (failed.size > 0 || isEnding(run, place))) {
    for (const host of hosts) failed.add(host)
    settleAll(run, guarded, 'rollback')
  }
  // Where the main part succeeded, or a second signal came, what is left of them is not run.
  drop(place.debts, 'rollback')
  if (failed.size > 0 && block.rescue.length > 0 && !isEnding(run, place)) {
    const rescued = hosts.filter(host => failed.has(host))
    const lost = followSteps(run, place, `${id}/rescue`, block.rescue, rescued, false)
    if (!isEnding(run, place)) for (const host of rescued) if (!lost.has(host)) failed.delete(host)
  }
  const cleaning = { ...place, inAlways: true }
  for (const host of followSteps(run, cleaning, `${id}/always`, block.always, hosts, false)) {
    failed.add(host)
  }
  drop(place.debts, 'rollback')
  settleAll(run, place, 'release')
  return failed
}

function followSteps(
  run: Run,
  place: Place,
  prefix: string,
  steps: readonly ScriptStep[],
  hosts: readonly string[],
  isMain: boolean,
): ReadonlySet<string> {
  const lost = new Set<string>()
  for (const [index, step] of steps.entries()) {
    if (isEnding(run, place) || lost.size === hosts.length) break
    // All hosts are about to roll back: the rest of the block is of no use to any of them.
    if (isMain && lost.size > 0 && place.debts.some(({ kind }) => kind === 'rollback')) break
    const alive = hosts.filter(host => !lost.has(host))
    const id = `${prefix}/${index}`
    const gone =
      step.kind === 'block'
        ? followBlock(run, place, id, step, alive)
        : followTask(run, place, id, step, alive)
    const fatal = step.kind === 'task' && step.anyErrorsFatal && gone.size > 0
    for (const host of fatal ? hosts : gone) lost.add(host)
  }
  return lost
}

const attempts = 3

/** Takes over what lives before owe. */
function inherit(run: Run, place: Place, prefix: string): void {
  place.debts.push(...run.inherited.filter(({ step }) => step.startsWith(prefix)))
  run.inherited = run.inherited.filter(({ step }) => !step.startsWith(prefix))
}

/** Newest first; where it fails, again, and in the end it is still owed there. */
function settleAll(run: Run, place: Place, stage: Debt['kind']): void {
  const isDue = ({ kind }: Debt): boolean =>
    kind === 'rollback' ? run.signal < 2 : stage === 'release'
  for (;;) {
    const debt = place.debts.findLast(isDue)
    if (debt === undefined) break
    place.debts.splice(place.debts.indexOf(debt), 1)
    for (
      let attempt = 1;
      debt.hosts.length > 0 && attempt <= attempts && isDue(debt);
      attempt += 1
    ) {
      const settling = { ...debt, again: attempt < attempts }
      const id = `${debt.step}/${debt.kind}`
      const failed = followTask(run, place, id, debt.task, debt.hosts, settling)
      debt.hosts = debt.hosts.filter(host => failed.has(host))
    }
    if (debt.hosts.length > 0) run.unsettled.push(debt)
  }
  run.unsettled.push(...place.debts.filter(({ kind }) => kind === 'rollback'))
}

function drop(debts: Debt[], kind: Debt['kind']): void {
  debts.splice(0, debts.length, ...debts.filter(debt => debt.kind !== kind))
}

function exitCodeOf(run: Run): number {
  if (run.unsettled.length > 0) return 9
  if (run.refused) return 8
  if (run.signal > 0) return 130
  if (run.ledger.failed()) return run.ledger.unreachable() ? 3 : 2
  return run.ledger.unreachable() ? 4 : 0
}

/** The run says of itself what the model says of it, once. */
function checkEnd(run: Run, life: Life, removed: ReadonlySet<string>): void {
  const events = life.log.flatMap(entry => (entry.kind === 'event' ? [entry.event] : []))
  const ends = events.filter(event => event.event === 'run.finished')
  const [end] = ends
  if (end === undefined || ends.length > 1 || events.at(-1) !== end) {
    throw violation('order', `the run ends ${ends.length} times, or not last`)
  }
  run.ledger.compare(end.recap)
  const expected = exitCodeOf(run)
  if (end.exit_code !== expected || life.state.exitCode !== expected) {
    throw violation('counters', `exit status ${end.exit_code} instead of ${expected}`)
  }
  if (expected < 8 && (expected === 0) !== (removed.size === 0)) {
    throw violation('counters', `exit status ${expected}, with ${removed.size} hosts lost`)
  }
  const known = (owed: readonly { readonly hosts: readonly string[] }[]): number =>
    owed.reduce((sum, { hosts }) => sum + hosts.length, 0)
  if (known(life.state.unsettled) !== known(run.unsettled)) {
    throw violation('owed', `unsettled: ${JSON.stringify(life.state.unsettled)}`)
  }
}
