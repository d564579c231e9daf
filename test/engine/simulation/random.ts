/** Seeded chance: the same seed gives the same run. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, limit). */
  below(limit: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

/** mulberry32, started from the FNV-1a hash of what is given. */
export function randomFrom(...seeds: readonly (string | number)[]): Random {
  let state = 0x811c9dc5
  for (const character of seeds.join('\n')) {
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  // The first numbers of seeds that are near each other are near each other too.
  for (let turn = 0; turn < 4; turn += 1) next()
  const below = (limit: number): number => Math.floor(next() * limit)
  return Object.freeze({
    next,
    below,
    chance: (probability: number) => next() < probability,
    pick: <T>(list: readonly T[]): T => {
      const picked = list[below(list.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
  })
}
