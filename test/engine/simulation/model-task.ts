import type { Outcome } from '../../../src/engine/protocol.ts'
import type { Counter, Ledger } from './ledger.ts'
import { type Ending, endingOf, type Moves } from './moves.ts'
import { argsOf, itemOn, type ScriptTask } from './script.ts'
import { violation } from './violation.ts'

/** Something owed by a block, oldest first. */
export interface Debt {
  readonly kind: 'rollback' | 'release'
  readonly step: string
  readonly task: ScriptTask
  readonly index: number | undefined
  readonly item: string | undefined
  hosts: string[]
}

/** A debt that is being settled. */
export interface Settling extends Debt {
  /** Where it fails now, it is tried again. */
  readonly again: boolean
}

/** What is known of the run as a whole. */
export interface Run {
  readonly moves: Moves
  readonly ledger: Ledger
  signal: 0 | 1 | 2
  refused: boolean
  /** Owed by lives before, and not taken over by a step of this one. */
  inherited: Debt[]
  readonly unsettled: Debt[]
}

/** Where a task stands. */
export interface Place {
  /** In some always section: a first signal does not stop what cleans up. */
  readonly inAlways: boolean
  /** Some rescue around will look after a failure. */
  readonly rescueAround: boolean
  /** What the innermost block owes. */
  readonly debts: Debt[]
}

/** True where nothing new is to be begun. */
export function isEnding(run: Run, place: Place): boolean {
  return run.signal === 2 || (run.signal === 1 && !place.inAlways)
}

interface Unit {
  readonly host: string
  readonly speaksFor: readonly string[]
  next: number
  request: number | undefined
  readonly ends: { readonly ending: Ending; readonly outcome?: Outcome }[]
}

interface Following {
  readonly run: Run
  readonly place: Place
  readonly id: string
  readonly task: ScriptTask
  readonly settles: Settling | undefined
}

/** Follows one task on its hosts through the log; returns the hosts that it loses. */
export function followTask(
  run: Run,
  place: Place,
  id: string,
  task: ScriptTask,
  hosts: readonly string[],
  settles?: Settling,
): ReadonlySet<string> {
  const following: Following = { run, place, id, task, settles }
  if (task.confirm && mayRun(task, hosts) && !isGranted(run, id)) return new Set()
  const units = unitsOf(task, hosts)
  for (const unit of units) proceed(following, unit)
  while (units.some(unit => unit.request !== undefined)) {
    const input = run.moves.takeInput()
    if (input.kind === 'cancel') signalled(run, input.level)
    if (input.kind !== 'performed') continue
    const unit = units.find(({ request }) => request === input.id)
    if (unit === undefined) throw violation('order', `answer ${input.id} was not asked for`)
    unit.request = undefined
    unit.ends.push({
      ending: endingOf(input.outcome, task.failedWhen ?? false),
      outcome: input.outcome,
    })
    if (input.outcome.notBegun) forgive(following, unit)
    proceed(following, unit)
  }
  const lost = new Set<string>()
  for (const unit of units) {
    if (unit.ends.length === 0 && task.items?.length !== 0) continue
    if (endUnit(following, unit)) for (const host of unit.speaksFor) lost.add(host)
  }
  return lost
}

function isGranted(run: Run, id: string): boolean {
  const request = run.moves.takeConfirm(id)
  for (;;) {
    const input = run.moves.takeInput()
    if (input.kind === 'cancel') signalled(run, input.level)
    if (input.kind !== 'confirmed' || input.id !== request) continue
    if (input.granted) return true
    // Whoever has cancelled the run is not asked any more: then it is no refusal.
    if (run.signal === 0) run.refused = true
    signalled(run, 1)
    return false
  }
}

function signalled(run: Run, level: 1 | 2): void {
  if (run.signal < level) run.signal = level
}

function mayRun(task: ScriptTask, hosts: readonly string[]): boolean {
  if (task.items !== undefined || task.broken) return true
  return hosts.some(host => !task.skipOn?.includes(host))
}

function unitsOf(task: ScriptTask, hosts: readonly string[]): Unit[] {
  const [first] = hosts
  if (first === undefined) return []
  const unit = (host: string, speaksFor: readonly string[]): Unit => ({
    host,
    speaksFor,
    next: 0,
    request: undefined,
    ends: [],
  })
  if (task.cluster) return [unit(first, hosts)]
  if (!task.runOnce) return hosts.map(host => unit(host, [host]))
  const matching =
    task.items === undefined && !task.broken
      ? hosts.find(host => !task.skipOn?.includes(host))
      : undefined
  return [unit(matching ?? first, hosts)]
}

/** Goes through a unit's items until one is asked for. */
function proceed(following: Following, unit: Unit): void {
  const { run, place, id, task, settles } = following
  const count = task.items?.length ?? 1
  while (unit.next < count && unit.request === undefined) {
    if (settles === undefined && isEnding(run, place)) return
    const index = task.items === undefined ? settles?.index : unit.next
    const template = task.items?.[unit.next]
    const item = template === undefined ? settles?.item : itemOn(unit.host, template)
    unit.next += 1
    if (task.broken) {
      unit.ends.push({ ending: 'failed' })
    } else if (task.skipOn?.includes(unit.host) || isSkipped(task, template)) {
      unit.ends.push({ ending: 'skipped' })
    } else {
      const args = argsOf(task, unit.host, item)
      unit.request = run.moves.takeRequest({ step: id, host: unit.host, args })
      owe(following, unit, index, item)
    }
  }
}

function isSkipped(task: ScriptTask, item: string | undefined): boolean {
  return item !== undefined && item === task.skipItem
}

function owe(
  { run, place, id, task }: Following,
  unit: Unit,
  index: number | undefined,
  item: string | undefined,
): void {
  for (const kind of ['rollback', 'release'] as const) {
    const settling = task[kind]
    if (settling === undefined) continue
    for (const debt of run.inherited) {
      if (debt.kind !== kind || debt.step !== id || debt.index !== index || debt.item !== item)
        continue
      debt.hosts = debt.hosts.filter(host => !unit.speaksFor.includes(host))
    }
    run.inherited = run.inherited.filter(debt => debt.hosts.length > 0)
    const known = place.debts.find(
      debt => debt.kind === kind && debt.step === id && debt.index === index && debt.item === item,
    )
    if (known !== undefined) known.hosts.push(...unit.speaksFor)
    else {
      const hosts = [...unit.speaksFor]
      place.debts.push({ kind, step: id, task: settling, index, item, hosts })
    }
  }
}

/** A step that never began owes nothing. */
function forgive({ place, id, task }: Following, unit: Unit): void {
  const index = task.items === undefined ? undefined : unit.next - 1
  for (const debt of place.debts) {
    if (debt.step !== id || debt.index !== index) continue
    debt.hosts = debt.hosts.filter(host => !unit.speaksFor.includes(host))
  }
  place.debts.splice(0, place.debts.length, ...place.debts.filter(debt => debt.hosts.length > 0))
}

/** Counts how the task went for a unit; true where its hosts are lost. */
function endUnit({ run, place, task, settles }: Following, unit: Unit): boolean {
  const bad = unit.ends.find(({ ending }) => ending === 'failed' || ending === 'unreachable')
  // What failed_when calls a failure has changed what it has changed.
  const changed = unit.ends.some(
    ({ ending, outcome }) =>
      ending === 'changed' || (ending === 'failed' && outcome?.status === 'changed'),
  )
  const unreachable = unit.ends.some(({ ending }) => ending === 'unreachable')
  const counters: Counter[] = changed && (bad === undefined || isIgnored()) ? ['changed'] : []
  if (bad === undefined) {
    const skipped = unit.ends.every(({ ending }) => ending === 'skipped')
    run.ledger.count(
      unit.host,
      ...(skipped ? (['skipped'] as const) : (['ok', ...counters] as const)),
    )
    return false
  }
  const host = bad.outcome?.blame ?? unit.host
  if (isIgnored()) {
    run.ledger.count(host, 'ok', 'ignored', ...counters)
    return false
  }
  if (settles?.again) return true
  const rescuable = place.rescueAround && !isEnding(run, place)
  run.ledger.count(
    host,
    settles === undefined && rescuable ? 'rescued' : unreachable ? 'unreachable' : 'failed',
  )
  if (!rescuable && bad.outcome?.failure?.code === 'cluster.hosts_missing') run.refused = true
  return true

  function isIgnored(): boolean {
    return !unreachable && (task.ignoreErrors ?? false)
  }
}
