import type { Scratch, Spool } from './scratch.ts'

/** A value and the bytes it is sorted by. */
export interface Sorted {
  readonly key: Buffer
  readonly value: Buffer
}

/** Sorts more than fits into memory: sorted runs in scratch room, merged while reading. */
export interface Sorter {
  /** Takes both as they are: they must not change any more. To be awaited where it gives a promise. */
  add(key: Uint8Array, value: Uint8Array): Promise<void> | undefined
  /** All added so far, in byte order of keys; may be called again after more was added. */
  sorted(): AsyncIterable<Sorted>
}

/** How values get into scratch room and out of it; what fits into memory is never encoded. */
export interface SortCodec<T> {
  key(value: T): Uint8Array
  /** What a value takes in memory, in bytes, about. */
  sizeBytes(value: T): number
  encode(value: T): Uint8Array
  decode(bytes: Buffer): T
}

/** A sorter of values, by the bytes that are their key. */
export interface ValueSorter<T> {
  /** To be awaited where it gives a promise: then something is being written out. */
  add(value: T): Promise<void> | undefined
  /** All added so far, in byte order of keys; may be called again after more was added. */
  sorted(): AsyncIterable<T>
  /** Values added. */
  count(): number
}

/** Bytes held in memory before a run is written out. */
const defaultRunBytes = 8 * 1024 * 1024
/** What one record costs beside its bytes. */
const recordOverheadBytes = 200

export function createSorter(scratch: Scratch, runBytes: number = defaultRunBytes): Sorter {
  const sorter = createValueSorter<Sorted>(scratch, recordCodec, runBytes)
  return Object.freeze({
    add: (key, value) => sorter.add({ key: asBuffer(key), value: asBuffer(value) }),
    sorted: sorter.sorted,
  } satisfies Sorter)
}

// Not Buffer.from(bytes): that would copy.
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const recordCodec: SortCodec<Sorted> = {
  key: ({ key }) => key,
  sizeBytes: ({ key, value }) => key.length + value.length + recordOverheadBytes,
  encode: ({ key, value }) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(key.length)
    return Buffer.concat([length, key, value])
  },
  decode: record => {
    const end = 4 + record.readUInt32LE(0)
    return { key: record.subarray(4, end), value: record.subarray(end) }
  },
}

export function createValueSorter<T>(
  scratch: Scratch,
  codec: SortCodec<T>,
  runBytes: number = defaultRunBytes,
): ValueSorter<T> {
  const byKey = (a: T, b: T): number => Buffer.compare(codec.key(a), codec.key(b))
  const runs: Spool[] = []
  let held: T[] = []
  let heldBytes = 0
  let count = 0
  const writeRun = async (): Promise<void> => {
    if (held.length === 0) return
    const values = held.sort(byKey)
    held = []
    heldBytes = 0
    const run = scratch.spool()
    runs.push(run)
    for (const value of values) await run.append(codec.encode(value))
  }
  // One run at a time: a snapshot must not see a run that is half written.
  let writing: Promise<void> | undefined
  return Object.freeze({
    count: () => count,
    add: value => {
      held.push(value)
      count += 1
      heldBytes += codec.sizeBytes(value)
      if (heldBytes >= runBytes) writing = (writing ?? Promise.resolve()).then(writeRun)
      return writing
    },
    sorted: async function* () {
      // Until nothing is being written: what is on its way to a run is in neither place.
      for (let seen: Promise<void> | undefined; seen !== writing; ) {
        seen = writing
        await seen
      }
      const tail = [...held].sort(byKey)
      if (runs.length === 0) yield* tail
      else yield* merge([...runs.map(run => decodeAll(run, codec)), fromArray(tail)], byKey)
    },
  } satisfies ValueSorter<T>)
}

async function* decodeAll<T>(run: Spool, { decode }: SortCodec<T>): AsyncIterable<T> {
  for await (const record of run.records()) yield decode(record)
}

async function* fromArray<T>(values: readonly T[]): AsyncIterable<T> {
  yield* values
}

async function* merge<T>(
  sources: readonly AsyncIterable<T>[],
  byKey: (a: T, b: T) => number,
): AsyncIterable<T> {
  const cursors = await Promise.all(sources.map(openCursor))
  for (;;) {
    let first: Cursor<T> | undefined
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
