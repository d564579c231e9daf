import type { Scratch, Spool } from './scratch.ts'

/** A value and the bytes it is sorted by. */
export interface Sorted {
  readonly key: Buffer
  readonly value: Buffer
}

/** Sorts more than fits into memory: sorted runs in scratch room, merged while reading. */
export interface Sorter {
  add(key: Uint8Array, value: Uint8Array): Promise<void>
  /** All added so far, in byte order of keys; may be called again after more was added. */
  sorted(): AsyncIterable<Sorted>
}

/** Bytes held in memory before a run is written out. */
const defaultRunBytes = 8 * 1024 * 1024
/** What one record costs beside its bytes. */
const recordOverheadBytes = 200

export function createSorter(scratch: Scratch, runBytes: number = defaultRunBytes): Sorter {
  const runs: Spool[] = []
  let held: Sorted[] = []
  let heldBytes = 0
  const writeRun = async (): Promise<void> => {
    if (held.length === 0) return
    const records = held.sort(byKey)
    held = []
    heldBytes = 0
    const run = scratch.spool()
    runs.push(run)
    for (const record of records) await run.append(pack(record))
  }
  // One run at a time: a snapshot must not see a run that is half written.
  let writing: Promise<void> = Promise.resolve()
  return Object.freeze({
    add: async (key, value) => {
      held.push({ key: Buffer.from(key), value: Buffer.from(value) })
      heldBytes += key.length + value.length + recordOverheadBytes
      if (heldBytes >= runBytes) writing = writing.then(writeRun)
      await writing
    },
    sorted: async function* () {
      // Until nothing is being written: what is on its way to a run is in neither place.
      for (let seen: Promise<void> | undefined; seen !== writing; ) {
        seen = writing
        await seen
      }
      const tail = [...held].sort(byKey)
      yield* merge([...runs.map(run => unpackAll(run)), fromArray(tail)])
    },
  } satisfies Sorter)
}

function byKey(a: Sorted, b: Sorted): number {
  return Buffer.compare(a.key, b.key)
}

function pack({ key, value }: Sorted): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(key.length)
  return Buffer.concat([length, key, value])
}

async function* unpackAll(run: Spool): AsyncIterable<Sorted> {
  for await (const record of run.records()) {
    const end = 4 + record.readUInt32LE(0)
    yield { key: record.subarray(4, end), value: record.subarray(end) }
  }
}

async function* fromArray(records: readonly Sorted[]): AsyncIterable<Sorted> {
  yield* records
}

async function* merge(sources: readonly AsyncIterable<Sorted>[]): AsyncIterable<Sorted> {
  const cursors = await Promise.all(sources.map(openCursor))
  for (;;) {
    let first: Cursor<Sorted> | undefined
    for (const cursor of cursors) {
      if (cursor.value === undefined) continue
      if (first?.value === undefined || byKey(cursor.value, first.value) < 0) first = cursor
    }
    if (first?.value === undefined) return
    yield first.value
    await first.next()
  }
}

/** An iteration that can be looked at before it is moved on. */
export interface Cursor<T> {
  /** Undefined at the end. */
  readonly value: T | undefined
  next(): Promise<void>
}

/** A cursor on the first value. */
export async function openCursor<T>(source: AsyncIterable<T>): Promise<Cursor<T>> {
  const iterator = source[Symbol.asyncIterator]()
  let value: T | undefined
  const next = async (): Promise<void> => {
    const result = await iterator.next()
    value = result.done === true ? undefined : result.value
  }
  await next()
  return {
    get value() {
      return value
    },
    next,
  }
}
