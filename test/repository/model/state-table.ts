/** Every state that was seen, each once, in the order it was first seen. */
export interface StateTable {
  /** True where the state is new. It was reached from the state of that index. */
  add(state: Uint8Array, from: number): boolean
  /** Copies the state of that index. */
  read(index: number, into: Uint8Array): void
  /** The index of the state it was first reached from. */
  cameFrom(index: number): number
  count(): number
}

/** Open addressing over typed arrays: millions of states of a few words each. */
export function createStateTable(bytes: number): StateTable {
  const words = bytes / 4
  let room = 1 << 12
  let states = new Uint32Array(room * words)
  let parents = new Uint32Array(room)
  // Holds 1 + index; twice as many places as states at least.
  let places = new Uint32Array(room * 2)
  let count = 0
  const incoming = new Uint8Array(bytes)
  const wanted = new Uint32Array(incoming.buffer)

  const hash = (source: Uint32Array, at: number): number => {
    let mixed = 0x9e3779b9
    for (let word = 0; word < words; word += 1) {
      mixed = Math.imul(mixed ^ (source[at + word] ?? 0), 0x85ebca6b)
      mixed ^= mixed >>> 15
    }
    mixed = Math.imul(mixed, 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }
  const isAt = (index: number): boolean => {
    const at = index * words
    for (let word = 0; word < words; word += 1) {
      if (states[at + word] !== wanted[word]) return false
    }
    return true
  }
  const grow = (): void => {
    room *= 2
    const [before, earlier] = [states, parents]
    states = new Uint32Array(room * words)
    states.set(before)
    parents = new Uint32Array(room)
    parents.set(earlier)
    places = new Uint32Array(room * 2)
    const mask = places.length - 1
    for (let index = 0; index < count; index += 1) {
      let place = hash(states, index * words) & mask
      while (places[place] !== 0) place = (place + 1) & mask
      places[place] = index + 1
    }
  }
  return Object.freeze({
    add: (state, from) => {
      incoming.set(state)
      if (count === room) grow()
      const mask = places.length - 1
      let place = hash(wanted, 0) & mask
      for (; places[place] !== 0; place = (place + 1) & mask) {
        if (isAt((places[place] ?? 0) - 1)) return false
      }
      places[place] = count + 1
      states.set(wanted, count * words)
      parents[count] = from
      count += 1
      return true
    },
    read: (index, into) => {
      wanted.set(states.subarray(index * words, (index + 1) * words))
      into.set(incoming)
    },
    cameFrom: index => parents[index] ?? 0,
    count: () => count,
  } satisfies StateTable)
}
