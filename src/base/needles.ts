/** Texts that are looked for all at once, and where they stand. */
export interface Needles {
  /** Adds one; those shorter than `shortest` are not looked for. */
  add(needle: string): void
  /** Length of the longest; 0 without any. */
  readonly longest: number
  /** Where any of them stands, `[start, end)`, in order; those that touch are one. */
  find(text: string): readonly Range[]
}

export type Range = readonly [start: number, end: number]

/** Bits of the hash of a needle's first characters. */
const tableBits = 16

/** An empty set of needles, each of at least `shortest` characters. */
export function createNeedles(shortest: number): Needles {
  const byPrefix = new Map<string, string[]>()
  // A look at this table rules out nearly every position, however many needles there are.
  const table = new Uint8Array(1 << tableBits)
  let longest = 0

  const hashAt = (text: string, at: number): number => {
    let hash = 0
    for (let index = 0; index < shortest; index += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(at + index), 0x9e3779b1)
    }
    return hash >>> (32 - tableBits)
  }

  return Object.freeze({
    get longest() {
      return longest
    },
    add: (needle: string) => {
      if (needle.length < shortest) return
      const prefix = needle.slice(0, shortest)
      const known = byPrefix.get(prefix)
      if (known === undefined) byPrefix.set(prefix, [needle])
      else if (known.includes(needle)) return
      else known.push(needle)
      table[hashAt(needle, 0)] = 1
      longest = Math.max(longest, needle.length)
    },
    find: (text: string) => {
      const found: [number, number][] = []
      if (longest === 0) return found
      for (let at = 0; at + shortest <= text.length; at += 1) {
        if (table[hashAt(text, at)] === 0) continue
        const length = longestAt(text, at, byPrefix.get(text.slice(at, at + shortest)) ?? [])
        if (length === 0) continue
        const last = found.at(-1)
        if (last !== undefined && last[1] >= at) last[1] = Math.max(last[1], at + length)
        else found.push([at, at + length])
      }
      return found
    },
  } satisfies Needles)
}

function longestAt(text: string, at: number, needles: readonly string[]): number {
  let length = 0
  for (const needle of needles) {
    if (needle.length > length && text.startsWith(needle, at)) length = needle.length
  }
  return length
}
