import { dirname, join, resolve } from 'node:path'
import type { RunEvent, StepRef } from '../../src/events/events.ts'
import type { PlanDocument } from '../../src/execute/plan-document.ts'
import type { CliOutcome } from '../cli/run-cli.ts'
import type { Place } from './place.ts'
import { differingPaths, stampsOf, type Tree, treeOf } from './tree.ts'

/** One change, shown or done. */
interface Told {
  /** Step and item of a loop. */
  readonly key: string
  readonly name: string
  readonly module: string
  readonly what: string
  readonly target: string
  readonly action: string
  readonly certainty: string
  readonly notes: readonly string[]
}

/** What a plan said, what a run then did, and what the next plan says. */
export interface Story {
  readonly shown: readonly Told[]
  readonly done: readonly Told[]
  readonly again: readonly Told[]
  /** The steps that ended badly in the run, rescued or not. */
  readonly failing: readonly { readonly name: string; readonly place: string }[]
  readonly before: Tree
  readonly after: Tree
  /** A dry run changed something, which it never may. */
  readonly wroteDry: boolean
  readonly document: PlanDocument
  readonly planned: CliOutcome
  readonly ran: CliOutcome
}

/** Reads the events of a run. */
export function eventsOf({ stdout }: CliOutcome): readonly RunEvent[] {
  return stdout
    .split('\n')
    .filter(line => line.startsWith('{"seq"'))
    .map(line => JSON.parse(line) as RunEvent)
}

function told(
  of: {
    readonly step: string
    readonly name: string
    readonly module: string
    readonly certainty: string
  },
  item: number | undefined,
  change: { readonly action: string; readonly target: string; readonly host: string },
  notes: readonly string[] = [],
): Told {
  const { step, name, module, certainty } = of
  const { action, target, host } = change
  const what = `${action} ${target} on ${host}`
  return { key: `${step} ${item ?? '-'}`, name, module, what, target, action, certainty, notes }
}

/** A plan in JSON. */
function shownIn({ status, stdout, stderr }: CliOutcome): PlanDocument {
  if (!stdout.includes('{')) throw new Error(`no plan (${status}): ${stderr}`)
  return JSON.parse(stdout.slice(stdout.indexOf('{'))) as PlanDocument
}

function shownOf({ changes }: PlanDocument): readonly Told[] {
  return changes.map(entry => told(entry, entry.item, entry))
}

/** The steps that ended as changed: what they announced is done. */
function doneOf(events: readonly RunEvent[]): readonly Told[] {
  const id = (event: StepRef): string => `${event.step} ${event.item?.index ?? '-'} ${event.host}`
  const changed = new Set<string>()
  for (const event of events) {
    if (event.event === 'step.finished' && event.status === 'changed') changed.add(id(event))
  }
  return events.flatMap(event => {
    if (event.event !== 'step.planned' || !changed.has(id(event))) return []
    return event.changes.map(change => told(event, event.item?.index, change, change.notes))
  })
}

const failed = new Set(['failed', 'ignored', 'unreachable'])

function failingOf(events: readonly RunEvent[]): Story['failing'] {
  return events.flatMap(event => {
    if (event.event !== 'step.finished' || !failed.has(event.status)) return []
    return [{ name: event.name, place: event.failure?.place ?? '' }]
  })
}

/** Plans, runs, and plans again. The playbook is there already. */
export async function tell(
  place: Place,
  playbook: string,
  words: readonly string[] = [],
  runWords: readonly string[] = [],
): Promise<Story> {
  const inventory = words.includes('-i') ? [] : ['-i', join(place.site, 'inventory.yml')]
  const common = [join(place.site, playbook), ...inventory, '--diff', ...words]
  const stamps = stampsOf(place.host)
  const before = treeOf(place.host)
  const planned = await place.bkp('plan', ...common, '--json')
  const wroteDry = stampsOf(place.host) !== stamps
  const ran = await place.bkp('run', ...common, '--output', 'json', ...runWords)
  const after = treeOf(place.host)
  const second = await place.bkp('plan', ...common, '--json')
  const again = shownOf(shownIn(second))
  return { ...storyOf(planned, ran), again, before, after, wroteDry }
}

/** Of a plan in JSON and a run that tells its events; nothing is known of files. */
export function storyOf(planned: CliOutcome, ran: CliOutcome): Story {
  const events = eventsOf(ran)
  const document = shownIn(planned)
  return {
    shown: shownOf(document),
    done: doneOf(events),
    again: [],
    failing: failingOf(events),
    before: new Map(),
    after: new Map(),
    wroteDry: false,
    document,
    planned,
    ran,
  }
}

export interface Expected {
  /** Modules that act each time, and why: they may be in the second plan. */
  readonly always?: Readonly<Record<string, string>>
  /** Steps that never do what is shown of them: their own check_mode says so. */
  readonly predicted?: readonly string[]
  /** Whether a step may be in no second plan, by its name; of all where it is left out. */
  readonly again?: (name: string) => boolean
  /** Paths that no plan names. */
  readonly besides?: RegExp
}

/** Modules that write text, of which differences are shown. */
const writers = new Set(['copy', 'template', 'lineinfile'])

/** Each lie of a plan in a line; none is what is wanted. */
export function liesOf(
  tale: Story,
  { always = {}, again: isSettled = () => true, besides, predicted = [] }: Expected = {},
): readonly string[] {
  const [shown = [], done = [], again = []] = [tale.shown, tale.done, tale.again].map(list =>
    list.filter(({ name }) => !predicted.includes(name)),
  )
  const lies: string[] = []
  if (tale.wroteDry) lies.push('the plan wrote')
  const isDone = new Set(done.map(({ key, what }) => `${key} ${what}`))
  for (const each of shown) {
    if (each.certainty !== 'sure' || isDone.has(`${each.key} ${each.what}`)) continue
    lies.push(`shown as sure, not done: ${each.name}: ${each.what}`)
  }
  const isShown = new Set(shown.map(({ key, what }) => `${key} ${what}`))
  // Arguments that are known only later, a step that would change nothing as it is, an open loop.
  const open = new Set(
    shown
      .filter(({ certainty, action }) => certainty !== 'sure' && action === 'call')
      .map(({ key }) => stepOf(key)),
  )
  for (const each of done) {
    const isFine =
      isShown.has(`${each.key} ${each.what}`) ||
      open.has(stepOf(each.key)) ||
      shown.some(one => one.key === each.key && mayBe(one, each, tale))
    if (!isFine) lies.push(`done, not shown: ${each.name}: ${each.what}`)
  }
  const doubted = new Set(shown.filter(({ certainty }) => certainty !== 'sure').map(at => at.name))
  for (const { name, place } of tale.failing) {
    if (doubted.has(name) || tale.planned.stderr.includes(`at ${place}\n`)) continue
    lies.push(`failed, which the plan did not say: ${name} (${place})`)
  }
  for (const path of differingPaths(tale.before, tale.after)) {
    if (besides?.test(path) || isExplained(path, tale)) continue
    lies.push(`nothing explains ${path}: ${tale.before.get(path)} => ${tale.after.get(path)}`)
  }
  for (const { name, module, action, target, certainty, diff } of tale.document.changes) {
    if (!writers.has(module) || certainty !== 'sure' || predicted.includes(name)) continue
    // An empty file in place of a symlink has no lines that differ.
    const isSame = diff?.before === diff?.after && diff?.after !== ''
    if (diff === undefined || (action === 'update' && isSame)) {
      lies.push(`--diff does not show what becomes of ${target}: ${name}`)
    }
  }
  for (const each of again) {
    if (always[each.module] !== undefined || !isSettled(each.name)) continue
    lies.push(`the second plan has ${each.name}: ${each.what} (${each.certainty})`)
  }
  return lies
}

/**
 * What may change is shown as it would be done now: by then a file may be there already, or a folder
 * that it goes into, or a symlink that an earlier step of the plan makes or replaces.
 */
function mayBe(shown: Told, done: Told, { before, after }: Story): boolean {
  if (shown.certainty === 'sure') return false
  const [one, other] = [shown.target, done.target]
  if (throughLinks(one, after) === other || throughLinks(other, before) === one) return true
  return one === other || dirname(one) === other || one === dirname(other)
}

function stepOf(key: string): string {
  return key.replace(/ \S+$/, '')
}

/** A path that differs is the target of a change, lies below one, or was made for one. */
function isExplained(path: string, { done, before, after }: Story): boolean {
  if (sameButLinks(before.get(path), after.get(path))) return true
  const isNew = before.get(path) === undefined
  return done.some(({ target, action, notes, module }) => {
    if (action === 'run' || module.startsWith('repository.')) return true
    if (notes.some(note => note.includes(path))) return true
    // tempfile: a name nobody knows yet.
    if (target.includes('…') && dirname(target) === dirname(path)) return true
    return [target, throughLinks(target, before), throughLinks(target, after)].some(
      place =>
        place === path ||
        path.startsWith(`${place}/`) ||
        // A folder above that is new; the target may be gone again.
        (isNew && place.startsWith(`${path}/`)),
    )
  })
}

/** A path with the symlinks on its way resolved, as far as they lead within the tree. */
function throughLinks(path: string, tree: Tree): string {
  let place = ''
  for (const part of path.split('/').slice(1)) {
    place = `${place}/${part}`
    for (let hops = 0; hops < 8; hops += 1) {
      const [, target] = /^link \S+ -> (.*)$/.exec(tree.get(place) ?? '') ?? []
      if (target === undefined) break
      place = resolve(dirname(place), target)
    }
  }
  return place
}

/** Only another name of one file: its number of links differs. */
function sameButLinks(before: string | undefined, after: string | undefined): boolean {
  const bare = (what: string | undefined): string | undefined => what?.replace(/ links \d+/, '')
  return before !== undefined && bare(before) === bare(after)
}

/** The whole story, for a failed expectation. */
export function printed(tale: Story): string {
  const lines = (list: readonly Told[]): string =>
    list.map(each => `  ${each.name}: ${each.what} ${each.certainty}`).join('\n')
  return [
    `shown\n${lines(tale.shown)}`,
    `done\n${lines(tale.done)}`,
    `again\n${lines(tale.again)}`,
    `failing\n${tale.failing.map(({ name }) => name).join('\n')}`,
    tale.planned.stderr,
    tale.ran.stderr,
  ].join('\n')
}
