import { BkpError } from '../../base/errors.ts'
import { canonicalJson } from '../../base/json.ts'
import { formatBytes } from '../../base/units.ts'
import { hiddenByNoLog } from '../../engine/censor.ts'
import type { Guard } from '../apply.ts'
import type { BindingFacts, PlanDocument, PlannedEntry } from '../plan-document.ts'
import { matchesMasked } from './masked.ts'

/** What of a change has to agree with the approved one. */
type Compared = Pick<PlannedEntry, 'action' | 'target' | 'destructive'>

/**
 * Compares a plan made just now with the approved one, change by change: of what was sure all must be
 * there still, of what may change nothing need; nothing may be there that was not approved, and what
 * binds must be equal.
 * @throws run.plan_stale with both sides of each difference
 */
export function requireApproved(approved: PlanDocument, now: PlanDocument): void {
  const faults = [...changeFaults(approved, now), ...bindingFaults(approved, now)]
  if (faults.length === 0) return
  const count = faults.length === 1 ? 'one difference' : `${faults.length} differences`
  throw new BkpError(
    'run.plan_stale',
    `this is not what was approved any more (${count}); nothing was done`,
    { faults, hint: 'make a new plan with bkp plan --out, and have that one approved' },
  )
}

function changeFaults(approved: PlanDocument, now: PlanDocument): readonly BkpError[] {
  const slots = new Map<string, { was: PlannedEntry[]; is: PlannedEntry[] }>()
  const slotOf = (entry: PlannedEntry) => {
    const key = JSON.stringify([entry.step, entry.host])
    const slot = slots.get(key) ?? { was: [], is: [] }
    slots.set(key, slot)
    return slot
  }
  for (const entry of approved.changes) slotOf(entry).was.push(entry)
  for (const entry of now.changes) slotOf(entry).is.push(entry)
  return [...slots.values()].flatMap(({ was, is }) => {
    const gone = was.filter(entry => !mayBeLeftOut(entry) && !is.some(each => covers(entry, each)))
    const more = is.filter(entry => !was.some(each => covers(each, entry)))
    const [any] = [...gone, ...more]
    if (any === undefined) return []
    return [
      new BkpError(
        'run.plan_stale',
        [
          `step "${any.name}" on ${any.host}:`,
          ...side('approved', gone.length === 0 ? was : gone),
          ...side('now', more.length === 0 ? is : more),
        ].join('\n'),
      ),
    ]
  })
}

function side(name: string, entries: readonly PlannedEntry[]): readonly string[] {
  if (entries.length === 0) return [`  ${name}: nothing`]
  return entries.map(entry => `  ${name}: ${wordsOf(entry)}`)
}

function wordsOf({ action, target, certainty, destructive, bytes, item }: PlannedEntry): string {
  const doubts = { sure: '', maybe: ', may change', unknown: ', known after apply' } as const
  const size = bytes === undefined ? '' : `, ${formatBytes(bytes)}`
  const which = item === undefined ? '' : ` (item ${item + 1})`
  return `${action} ${target}${which}${size}${doubts[certainty]}${destructive ? ', DESTRUCTIVE' : ''}`
}

function mayBeLeftOut({ certainty }: PlannedEntry): boolean {
  return certainty !== 'sure'
}

/** Stands for whatever the step does: its arguments were not known. */
function isOpen({ certainty, action, target, module }: PlannedEntry): boolean {
  return (
    certainty === 'unknown' || (certainty === 'maybe' && action === 'call' && target === module)
  )
}

/** Whether an approved change allows this one. */
function covers(approved: PlannedEntry, change: Compared & Pick<PlannedEntry, 'item'>): boolean {
  if (!sameItem(approved.item, change.item)) return false
  if (change.destructive && !approved.destructive) return false
  if (isOpen(approved)) return true
  if (!matchesMasked(approved.target, change.target)) return false
  // What was not sure may turn out to be made rather than changed.
  const makes = new Set(['create', 'update'])
  return (
    approved.action === change.action ||
    (approved.certainty === 'maybe' && makes.has(approved.action) && makes.has(change.action))
  )
}

/** Without one, it stands for items that were not known yet. */
function sameItem(approved: number | undefined, now: number | undefined): boolean {
  return approved === undefined || now === undefined || approved === now
}

function bindingFaults(approved: PlanDocument, now: PlanDocument): readonly BkpError[] {
  const current = new Map(now.binding.map(facts => [keyOf(facts), facts.facts]))
  return approved.binding.flatMap(facts => {
    const own = current.get(keyOf(facts))
    if (own === undefined) return []
    return differingFacts(facts, own).map(
      difference =>
        new BkpError('run.plan_stale', `step "${facts.name}" on ${facts.host}:\n${difference}`),
    )
  })
}

function keyOf({ step, host, item }: Pick<BindingFacts, 'step' | 'host' | 'item'>): string {
  return JSON.stringify([step, host, item])
}

function differingFacts(
  approved: BindingFacts,
  now: Readonly<Record<string, unknown>>,
): readonly string[] {
  return Object.entries(approved.facts).flatMap(([name, value]) => {
    const [was, is] = [canonicalJson(value), canonicalJson(now[name] ?? null)]
    if (matchesMasked(was, is)) return []
    return [`  ${name} approved: ${was}\n  ${name} now: ${is}`]
  })
}

/**
 * Holds steps to an approved plan while they run. Rescues and what settles debts are no part of a plan,
 * and clean-up is never kept from cleaning up.
 */
export function createGuard(approved: PlanDocument): Guard {
  const entries = new Map<string, PlannedEntry[]>()
  const slotOf = (step: string, host: string): string => JSON.stringify([step, host])
  for (const entry of approved.changes) {
    const slot = slotOf(entry.step, entry.host)
    entries.set(slot, [...(entries.get(slot) ?? []), entry])
  }
  const bindings = new Map(approved.binding.map(facts => [keyOf(facts), facts]))

  return ({ ref, part = 'main', noLog }, { changes, binding }) => {
    if (part !== 'main' || changes.length === 0) return
    const item = ref.item === undefined ? {} : { item: ref.item.index }
    const told = changes.map(change => ({
      ...change,
      ...item,
      target: noLog ? hiddenByNoLog : change.target,
    }))
    const more = told.filter(
      change =>
        !(entries.get(slotOf(ref.step, change.host)) ?? []).some(one => covers(one, change)),
    )
    if (more.length > 0) {
      const words = more.map(
        ({ action, target, host, destructive }) =>
          `${action} ${target} on ${host}${destructive ? ', DESTRUCTIVE' : ''}`,
      )
      throw stale(`it would do what was not approved: ${words.join('; ')}`)
    }
    const facts = bindings.get(keyOf({ step: ref.step, host: ref.host, ...item }))
    if (facts === undefined || noLog) return
    const differing = differingFacts(facts, binding ?? {})
    if (differing.length > 0) throw stale(`it is not what was approved:\n${differing.join('\n')}`)
  }
}

function stale(message: string): BkpError {
  return new BkpError('plan.stale', message, {
    hint: 'nothing of this step was done; make a new plan with bkp plan --out to see what changed',
  })
}
