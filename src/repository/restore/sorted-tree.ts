import { entryCodec } from '../entry-codec.ts'
import type { Scratch } from '../scratch.ts'
import { createValueSorter, type ValueSorter } from '../sorter.ts'
import type { SourceEntry } from '../source.ts'

/** A tree as it is now, by relative path: in scratch room where it does not fit into memory. */
export type SortedTree = Pick<ValueSorter<SourceEntry>, 'sorted' | 'count'>

/** Files that a stage has already, by their relative path. */
export type Reused = () => AsyncIterable<{ readonly path: Uint8Array }>

/** Of a stage that has nothing yet. */
export async function* noFiles(): AsyncIterable<{ readonly path: Uint8Array }> {
  // Nothing.
}

/** Collects a walk. */
export async function sortTree(
  scratch: Scratch,
  walk: AsyncIterable<SourceEntry>,
): Promise<SortedTree> {
  const sorter = createValueSorter(scratch, entryCodec)
  for await (const entry of walk) await sorter.add(entry)
  return sorter
}

/** Looks things up in a sorted list by keys that ascend: it is read once, and held nowhere. */
export interface Follower<T> {
  /** What lies there, or nothing. Everything before it is passed by. */
  at(path: Uint8Array): Promise<T | undefined>
  /** Passes by everything that is left. */
  finish(): Promise<void>
}

/** `passed` is called for each value that was not asked for. */
export function follow<T extends { readonly path: Uint8Array }>(
  sorted: AsyncIterable<T>,
  passed: (value: T) => void = () => {},
): Follower<T> {
  const iterator = sorted[Symbol.asyncIterator]()
  let ended = false
  let current: T | undefined
  let asked = true
  const advance = async (): Promise<void> => {
    if (current !== undefined && !asked) passed(current)
    const next = await iterator.next()
    ended = next.done === true
    current = next.done === true ? undefined : next.value
    asked = false
  }
  return Object.freeze({
    at: async (path: Uint8Array) => {
      for (;;) {
        if (current === undefined) {
          if (ended) return undefined
          await advance()
          continue
        }
        const order = Buffer.compare(current.path, path)
        if (order > 0) return undefined
        if (order === 0) {
          asked = true
          return current
        }
        await advance()
      }
    },
    finish: async () => {
      while (!ended) await advance()
    },
  })
}
