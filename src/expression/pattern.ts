import type { CharacterSet, PatternNode } from './pattern-parser.ts'
import { PatternError, parsePattern } from './pattern-parser.ts'

export type Instruction =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'word' | 'notWord' }
  /** Goes on at each of these; the first that leads to a match decides what is captured. */
  | { readonly kind: 'split'; next: readonly number[] }
  /** Where a group begins (even) or ends (odd). */
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'done' }

const longestPattern = 256
const longestSubject = 64 * 1024
const largestProgram = 1000
/** Instructions times characters: about a second. */
const mostWork = 20_000_000

/**
 * True when the pattern matches somewhere in the subject: RE2's semantics, and its promise that time
 * grows with the length of the subject only. JavaScript's RegExp takes seconds for `^(a+)+$`.
 * @throws PatternError when the pattern is not supported, or one of both is too long
 */
export function matchesPattern(subject: string, pattern: string): boolean {
  if (pattern.length > longestPattern) {
    throw new PatternError(`it is longer than ${longestPattern} characters`)
  }
  if (subject.length > longestSubject) {
    throw new PatternError(`the text is longer than ${longestSubject / 1024} KiB`)
  }
  const { node, ignoreCase } = parsePattern(pattern)
  const code = assemble(node)
  if (code.length * subject.length > mostWork) {
    throw new PatternError('it is too large for so long a text')
  }
  return run(code, [...subject], ignoreCase)
}

/** Instructions in a row; only a split goes elsewhere than to the next one. */
export function assemble(root: PatternNode): readonly Instruction[] {
  const code: Instruction[] = []

  function emit(instruction: Instruction): number {
    if (code.length >= largestProgram) throw new PatternError('it repeats too much')
    return code.push(instruction) - 1
  }

  function split(): { next: readonly number[] } {
    const instruction = { kind: 'split' as const, next: [] as readonly number[] }
    emit(instruction)
    return instruction
  }

  function add(node: PatternNode): void {
    if (node.kind === 'sequence') for (const inner of node.nodes) add(inner)
    else if (node.kind === 'choice') addChoice(node.nodes)
    else if (node.kind === 'repeat') addRepeat(node)
    else if (node.kind === 'group') {
      emit({ kind: 'save', slot: 2 * node.index })
      add(node.node)
      emit({ kind: 'save', slot: 2 * node.index + 1 })
    } else emit(node)
  }

  function addChoice(nodes: readonly PatternNode[]): void {
    const fork = split()
    const starts: number[] = []
    const jumps = nodes.map(node => {
      starts.push(code.length)
      add(node)
      return split()
    })
    fork.next = starts
    for (const jump of jumps) jump.next = [code.length]
  }

  function addRepeat({
    node,
    min,
    max,
    lazy,
  }: Extract<PatternNode, { readonly kind: 'repeat' }>): void {
    const inOrder = (next: readonly number[]) => (lazy ? next.toReversed() : next)
    for (let count = 0; count < min; count += 1) add(node)
    if (max === undefined) {
      const start = code.length
      const loop = split()
      add(node)
      split().next = [start]
      loop.next = inOrder([start + 1, code.length])
      return
    }
    const exits: { next: readonly number[] }[] = []
    for (let count = min; count < max; count += 1) {
      const exit = split()
      exit.next = [code.length]
      exits.push(exit)
      add(node)
    }
    for (const exit of exits) exit.next = inOrder([...exit.next, code.length])
  }

  add(root)
  emit({ kind: 'done' })
  return code
}

/** Follows all ways through the program at once, one character at a time. */
function run(
  code: readonly Instruction[],
  subject: readonly string[],
  ignoreCase: boolean,
): boolean {
  const points = subject.map(character => character.codePointAt(0) ?? 0)
  // The last position at which each instruction was reached: a set that need not be emptied.
  const reachedAt = new Int32Array(code.length).fill(-1)
  let active: number[] = []
  for (let at = 0; at <= points.length; at += 1) {
    const point = points[at]
    const next: number[] = []
    // Unanchored: a match may begin at every character.
    const pending = [...active, 0]
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      const instruction = code[index]
      if (instruction === undefined || reachedAt[index] === at) continue
      reachedAt[index] = at
      if (instruction.kind === 'done') return true
      if (instruction.kind === 'split') pending.push(...instruction.next)
      else if (instruction.kind === 'save') pending.push(index + 1)
      else if (instruction.kind === 'assert') {
        if (holds(instruction.what, points, at)) pending.push(index + 1)
      } else if (point !== undefined && contains(instruction.set, point, ignoreCase)) {
        next.push(index + 1)
      }
    }
    active = next
  }
  return false
}

export function holds(
  what: 'start' | 'end' | 'word' | 'notWord',
  points: readonly number[],
  at: number,
): boolean {
  if (what === 'start') return at === 0
  if (what === 'end') return at === points.length
  const boundary = isWord(points[at - 1]) !== isWord(points[at])
  return what === 'word' ? boundary : !boundary
}

function isWord(point: number | undefined): boolean {
  if (point === undefined) return false
  return (
    (point >= 48 && point <= 57) ||
    (point >= 65 && point <= 90) ||
    point === 95 ||
    (point >= 97 && point <= 122)
  )
}

export function contains(set: CharacterSet, point: number, ignoreCase: boolean): boolean {
  const points = ignoreCase ? bothCases(point) : [point]
  const found = set.ranges.some(([low, high]) => points.some(p => p >= low && p <= high))
  return found !== set.negated
}

function bothCases(point: number): readonly number[] {
  const character = String.fromCodePoint(point)
  return [character.toLowerCase(), character.toUpperCase()]
    .filter(changed => [...changed].length === 1)
    .map(changed => changed.codePointAt(0) ?? 0)
}
