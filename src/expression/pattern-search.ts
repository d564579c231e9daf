import { assemble, contains, holds, type Instruction } from './pattern.ts'
import { PatternError, parsePattern } from './pattern-parser.ts'

/** Where a pattern matches, and what its groups captured. */
export interface PatternMatch {
  /** Place of the first character, in UTF-16 units. */
  readonly index: number
  /** The whole match first, then each group; undefined for one that took no part. */
  readonly groups: readonly (string | undefined)[]
}

/** A pattern that is used on many texts. */
export interface CompiledPattern {
  /** Numbers of the groups that have a name. */
  readonly names: ReadonlyMap<string, number>
  /** The leftmost match, as Perl and Python choose it. @throws PatternError when it takes too long */
  search(text: string): PatternMatch | undefined
  /** Only a match at the beginning of the text: Python's `match`. @throws PatternError */
  matchStart(text: string): PatternMatch | undefined
}

const longestPattern = 1000
/** Steps of one pattern over all its texts: a few seconds. */
const mostSteps = 50_000_000

type Saves = readonly (number | undefined)[]
interface Thread {
  readonly pc: number
  readonly saves: Saves
}

/**
 * A pattern of the syntax of `matches`, with groups that capture. Time grows with the length of the
 * texts only, whatever the pattern: all ways through it are followed at once (Pike's method).
 * @throws PatternError when the pattern is not supported or too long
 */
export function compilePattern(pattern: string, stepLimit: number = mostSteps): CompiledPattern {
  if (pattern.length > longestPattern) {
    throw new PatternError(`it is longer than ${longestPattern} characters`)
  }
  const { node, ignoreCase, names } = parsePattern(pattern)
  const code = assemble({ kind: 'group', index: 0, node })
  // `^` at its beginning: no other place needs to be tried.
  const [, second] = code
  const fromStart = second?.kind === 'assert' && second.what === 'start'
  const budget = { steps: stepLimit }
  const find = (text: string, anchored: boolean): PatternMatch | undefined => {
    const saves = run({ code, ignoreCase, anchored, budget }, text)
    return saves === undefined ? undefined : matchOf(text, saves)
  }
  return Object.freeze({
    names,
    search: (text: string) => find(text, fromStart),
    matchStart: (text: string) => find(text, true),
  })
}

/** Saved places are code points; text is counted in UTF-16 units. */
function matchOf(text: string, saves: Saves): PatternMatch {
  const units = unitOffsets(text)
  const unit = (at: number | undefined) => (at === undefined ? undefined : (units?.[at] ?? at))
  const groups: (string | undefined)[] = []
  for (let slot = 0; slot < saves.length; slot += 2) {
    const [start, end] = [unit(saves[slot]), unit(saves[slot + 1])]
    groups.push(start === undefined || end === undefined ? undefined : text.slice(start, end))
  }
  return { index: unit(saves[0]) ?? 0, groups }
}

/** Where each code point begins; undefined where every unit is one. */
function unitOffsets(text: string): readonly number[] | undefined {
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return undefined
  const offsets: number[] = []
  let at = 0
  for (const character of text) {
    offsets.push(at)
    at += character.length
  }
  return [...offsets, at]
}

interface Machine {
  readonly code: readonly Instruction[]
  readonly ignoreCase: boolean
  readonly anchored: boolean
  readonly budget: { steps: number }
}

function run(machine: Machine, text: string): Saves | undefined {
  const { code, ignoreCase, anchored, budget } = machine
  const points = Array.from(text, character => character.codePointAt(0) ?? 0)
  const slots = slotsOf(code)
  const reachedAt = new Int32Array(code.length).fill(-1)
  let active: Thread[] = []
  let found: Saves | undefined

  /** Follows splits and asserts from a place; threads are kept in order of preference. */
  const follow = (threads: Thread[], from: Thread, at: number): void => {
    const pending = [from]
    for (let thread = pending.pop(); thread !== undefined; thread = pending.pop()) {
      const { pc, saves } = thread
      const instruction = code[pc]
      if (instruction === undefined || reachedAt[pc] === at) continue
      reachedAt[pc] = at
      budget.steps -= 1
      if (instruction.kind === 'split') {
        for (const next of instruction.next.toReversed()) pending.push({ pc: next, saves })
      } else if (instruction.kind === 'save') {
        pending.push({ pc: pc + 1, saves: saves.with(instruction.slot, at) })
      } else if (instruction.kind === 'assert') {
        if (holds(instruction.what, points, at)) pending.push({ pc: pc + 1, saves })
      } else threads.push(thread)
    }
    if (budget.steps < 0) throw new PatternError('it takes too long on so much text')
  }

  for (let at = 0; at <= points.length; at += 1) {
    if (found === undefined && (at === 0 || !anchored)) {
      follow(active, { pc: 0, saves: slots }, at)
    }
    if (active.length === 0 && (found !== undefined || anchored)) return found
    const point = points[at]
    const next: Thread[] = []
    for (const { pc, saves } of active) {
      const instruction = code[pc]
      budget.steps -= 1
      if (instruction?.kind === 'done') {
        found = saves
        // What comes after it in order of preference can no longer win.
        break
      }
      if (instruction?.kind !== 'set' || point === undefined) continue
      if (contains(instruction.set, point, ignoreCase)) follow(next, { pc: pc + 1, saves }, at + 1)
    }
    active = next
  }
  return found
}

/** Nothing captured yet, for all groups of the program. */
function slotsOf(code: readonly Instruction[]): Saves {
  const highest = Math.max(...code.map(each => (each.kind === 'save' ? each.slot : 0)))
  return new Array<undefined>(highest + 1).fill(undefined)
}
