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
  const needles = new Set<string>()
  /** Lengths of the needles that begin so, longest first: thousands of them share a few. */
  const lengthsOf = new Map<string, readonly number[]>()
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
      if (needle.length < shortest || needles.has(needle)) return
      needles.add(needle)
      const prefix = needle.slice(0, shortest)
      const lengths = lengthsOf.get(prefix) ?? []
      if (!lengths.includes(needle.length)) {
        lengthsOf.set(
          prefix,
          [...lengths, needle.length].sort((a, b) => b - a),
        )
      }
      table[hashAt(needle, 0)] = 1
      longest = Math.max(longest, needle.length)
    },
    find: (text: string) => {
      const found: [number, number][] = []
      if (longest === 0) return found
      for (let at = 0; at + shortest <= text.length; at += 1) {
        if (table[hashAt(text, at)] === 0) continue
        const lengths = lengthsOf.get(text.slice(at, at + shortest)) ?? []
        const length = lengths.find(
          each => at + each <= text.length && needles.has(text.slice(at, at + each)),
        )
        if (length === undefined) continue
        const last = found.at(-1)
        if (last !== undefined && last[1] >= at) last[1] = Math.max(last[1], at + length)
        else found.push([at, at + length])
      }
      return found
    },
  } satisfies Needles)
}
