/** What is known of a block beside its id. */
interface BlockFact {
  readonly generation: number
  readonly sizeBytes: number
}

/** Blocks by id, about 60 bytes each: 10 TB of blocks are 80 MB, where a Map of text would be 300. */
export interface BlockTable {
  readonly count: number
  get(id: Uint8Array): BlockFact | undefined
  /** Keeps what is there already. */
  add(id: Uint8Array, fact: BlockFact): void
}

const idBytes = 32
const entryBytes = idBytes + 8
const fullest = 0.7

export function createBlockTable(): BlockTable {
  let capacity = 1024
  let entries = Buffer.alloc(capacity * entryBytes)
  let count = 0

  /** Where an id is, or the free place where it would be: ids are uniform, so they are the hash. */
  const find = (table: Buffer, places: number, id: Uint8Array): number => {
    const view = Buffer.from(id.buffer, id.byteOffset, id.byteLength)
    for (let place = view.readUInt32LE(0) % places; ; place = (place + 1) % places) {
      const at = place * entryBytes
      // Sizes are stored plus one: zero is a free place.
      if (table.readUInt32LE(at + idBytes + 4) === 0) return at
      if (table.compare(view, 0, idBytes, at, at + idBytes) === 0) return at
    }
  }

  const grow = (): void => {
    const larger = Buffer.alloc(capacity * 2 * entryBytes)
    for (let at = 0; at < entries.length; at += entryBytes) {
      if (entries.readUInt32LE(at + idBytes + 4) === 0) continue
      const target = find(larger, capacity * 2, entries.subarray(at, at + idBytes))
      entries.copy(larger, target, at, at + entryBytes)
    }
    capacity *= 2
    entries = larger
  }

  return Object.freeze({
    get count() {
      return count
    },
    get: id => {
      const at = find(entries, capacity, id)
      const size = entries.readUInt32LE(at + idBytes + 4)
      if (size === 0) return undefined
      return { generation: entries.readUInt32LE(at + idBytes), sizeBytes: size - 1 }
    },
    add: (id, fact) => {
      if (count + 1 > capacity * fullest) grow()
      const at = find(entries, capacity, id)
      if (entries.readUInt32LE(at + idBytes + 4) !== 0) return
      entries.set(id.subarray(0, idBytes), at)
      entries.writeUInt32LE(fact.generation, at + idBytes)
      entries.writeUInt32LE(fact.sizeBytes + 1, at + idBytes + 4)
      count += 1
    },
  } satisfies BlockTable)
}
