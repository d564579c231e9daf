/** One character of the subject, as a code point, is or is not in a set of ranges. */
export interface CharacterSet {
  readonly negated: boolean
  readonly ranges: readonly (readonly [number, number])[]
}

/** What a regular expression is made of. */
export type PatternNode =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'word' | 'notWord' }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'group'; readonly index: number; readonly node: PatternNode }
  | {
      readonly kind: 'repeat'
      readonly node: PatternNode
      readonly min: number
      /** Undefined: without end. */
      readonly max: number | undefined
      /** As few as possible are taken: what is captured hangs on it, not whether there is a match. */
      readonly lazy: boolean
    }

/** Raised for a pattern that is not RE2 syntax as supported here; the message is for the user. */
export class PatternError extends Error {}

const classes: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  d: [[48, 57]],
  w: [
    [48, 57],
    [65, 90],
    [95, 95],
    [97, 122],
  ],
  s: [
    [9, 13],
    [32, 32],
  ],
}
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7 }
const deepest = 100

/** The ranges that are in none of the given ones. */
function complement(
  ranges: readonly (readonly [number, number])[],
): readonly (readonly [number, number])[] {
  const gaps: [number, number][] = []
  let next = 0
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (low > next) gaps.push([next, low - 1])
    next = Math.max(next, high + 1)
  }
  return next > 0x10ffff ? gaps : [...gaps, [next, 0x10ffff]]
}

/** Parses the part of RE2's syntax that needs no flags but a leading `(?i)` and `(?s)`. @throws PatternError */
export function parsePattern(pattern: string): {
  node: PatternNode
  ignoreCase: boolean
  /** Numbers of the groups that have a name. */
  names: ReadonlyMap<string, number>
} {
  const flags = /^\(\?([is]+)\)/.exec(pattern)?.[1] ?? ''
  const characters = [...pattern.slice(flags === '' ? 0 : flags.length + 3)]
  const dotAll = flags.includes('s')
  let at = 0
  let depth = 0
  let groups = 0
  const names = new Map<string, number>()

  const peek = (): string | undefined => characters[at]
  const take = (wanted: string): boolean => {
    if (peek() !== wanted) return false
    at += 1
    return true
  }

  function choice(): PatternNode {
    const nodes = [sequence()]
    while (take('|')) nodes.push(sequence())
    return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: 'choice', nodes }
  }

  function sequence(): PatternNode {
    const nodes: PatternNode[] = []
    for (let next = peek(); next !== undefined && next !== '|' && next !== ')'; next = peek()) {
      nodes.push(repeated(atom()))
    }
    return { kind: 'sequence', nodes }
  }

  function repeated(node: PatternNode): PatternNode {
    const counts = quantifier()
    if (counts === undefined) return node
    const lazy = take('?')
    if (quantifier() !== undefined) throw new PatternError('two quantifiers follow each other')
    return { kind: 'repeat', node, ...counts, lazy }
  }

  function quantifier(): { min: number; max: number | undefined } | undefined {
    if (take('*')) return { min: 0, max: undefined }
    if (take('+')) return { min: 1, max: undefined }
    if (take('?')) return { min: 0, max: 1 }
    const counted = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(characters.slice(at, at + 12).join(''))
    if (counted === null) return undefined
    at += counted[0].length
    const min = Number(counted[1])
    const max = counted[2] === undefined ? min : counted[3] === '' ? undefined : Number(counted[3])
    if (max !== undefined && max < min) throw new PatternError('a quantifier is out of order')
    return { min, max }
  }

  function atom(): PatternNode {
    const character = characters[at]
    at += 1
    switch (character) {
      case '(':
        return group()
      case '[':
        return { kind: 'set', set: bracket() }
      case '.':
        return { kind: 'set', set: { negated: true, ranges: dotAll ? [] : [[10, 10]] } }
      case '^':
        return { kind: 'assert', what: 'start' }
      case '$':
        return { kind: 'assert', what: 'end' }
      case '\\':
        return escaped()
      case '*':
      case '+':
      case '?':
        throw new PatternError(`there is nothing before "${character}" to repeat`)
      default:
        return literal(character?.codePointAt(0) ?? 0)
    }
  }

  function literal(code: number): PatternNode {
    return { kind: 'set', set: { negated: false, ranges: [[code, code]] } }
  }

  function group(): PatternNode {
    const captures = !take('?') || groupName()
    if (captures) groups += 1
    const index = groups
    depth += 1
    if (depth > deepest) throw new PatternError('its groups are nested too deeply')
    const node = choice()
    depth -= 1
    if (!take(')')) throw new PatternError('a "(" is not closed')
    return captures ? { kind: 'group', index, node } : node
  }

  /** After `(?`: true for a group with a name, `P<name>`, false for one that captures nothing, `:`. */
  function groupName(): boolean {
    if (take(':')) return false
    const named = /^P<([A-Za-z_]\w{0,63})>/.exec(characters.slice(at, at + 70).join(''))
    if (named?.[1] === undefined) {
      throw new PatternError('look-around and flags inside are not supported')
    }
    if (names.has(named[1])) throw new PatternError('two groups have one name')
    names.set(named[1], groups + 1)
    at += named[0].length
    return true
  }

  function escaped(): PatternNode {
    const character = characters[at]
    if (character === 'b' || character === 'B') {
      at += 1
      return { kind: 'assert', what: character === 'b' ? 'word' : 'notWord' }
    }
    if (character === 'A' || character === 'z') {
      at += 1
      return { kind: 'assert', what: character === 'A' ? 'start' : 'end' }
    }
    return { kind: 'set', set: { negated: false, ranges: escapedRanges() } }
  }

  /** After a backslash: a class, a control character, a code, or punctuation as it is. */
  function escapedRanges(): readonly (readonly [number, number])[] {
    const character = characters[at]
    at += 1
    if (character === undefined) throw new PatternError('it ends with a backslash')
    const named = classes[character.toLowerCase()]
    if (named !== undefined)
      return character === character.toLowerCase() ? named : complement(named)
    const control = controls[character]
    if (control !== undefined) return [[control, control]]
    const digits = { x: 2, u: 4 }[character]
    if (digits !== undefined) {
      const hex = characters.slice(at, at + digits).join('')
      if (!/^[0-9a-f]+$/i.test(hex) || hex.length < digits) {
        throw new PatternError(`"\\${character}" needs ${digits} hexadecimal digits`)
      }
      at += digits
      return [[Number.parseInt(hex, 16), Number.parseInt(hex, 16)]]
    }
    if (/[A-Za-z0-9]/.test(character)) throw new PatternError(`"\\${character}" is not supported`)
    const code = character.codePointAt(0) ?? 0
    return [[code, code]]
  }

  function bracket(): CharacterSet {
    const negated = take('^')
    const ranges: (readonly [number, number])[] = []
    for (let first = true; first || peek() !== ']'; first = false) {
      const low = bracketItem()
      if (peek() === '-' && characters[at + 1] !== ']' && characters[at + 1] !== undefined) {
        at += 1
        const high = bracketItem()
        const [from, to] = [single(low), single(high)]
        if (from > to) throw new PatternError('a range in "[]" is out of order')
        ranges.push([from, to])
      } else {
        ranges.push(...low)
      }
    }
    at += 1
    return { negated, ranges }
  }

  function bracketItem(): readonly (readonly [number, number])[] {
    const character = characters[at]
    at += 1
    if (character === undefined) throw new PatternError('a "[" is not closed')
    if (character === '[' && peek() === ':') throw new PatternError('"[:" is not supported')
    if (character === '\\') return escapedRanges()
    const code = character.codePointAt(0) ?? 0
    return [[code, code]]
  }

  function single(ranges: readonly (readonly [number, number])[]): number {
    const [range] = ranges
    if (ranges.length !== 1 || range === undefined || range[0] !== range[1]) {
      throw new PatternError('a class cannot be an end of a range')
    }
    return range[0]
  }

  const node = choice()
  if (at < characters.length) throw new PatternError('a ")" is not opened')
  return { node, ignoreCase: flags.includes('i'), names }
}
