import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'

/** Objects that a backup cannot hold: counted, the first ones named. */
export interface Unfit {
  add(name: string, why: string): void
  /** @throws repository.source_unfit when there are any */
  refuse(): void
}

const mostNamed = 10

/** Collects what is unfit in a source, so that all of it is told at once. */
export function collectUnfit(host: string): Unfit {
  const named: string[] = []
  let count = 0
  return Object.freeze({
    add: (name, why) => {
      count += 1
      if (named.length >= mostNamed) return
      named.push(`"${escapeControls(name.slice(0, 200), { newlines: false })}" (${why})`)
    },
    refuse: () => {
      if (count === 0) return
      const rest = count > named.length ? [`and ${count - named.length} more`] : []
      const what = count === 1 ? 'an object' : `${count} objects`
      throw new BkpError(
        'repository.source_unfit',
        `${host} holds ${what} under names that no backup can hold: ${[...named, ...rest].join(', ')}`,
        { hint: 'rename them, or leave them out with exclude', details: { host, count } },
      )
    },
  } satisfies Unfit)
}

/**
 * Tells of names in byte order whether one is another's folder: `a` beside `a/b`, which no tree of
 * files can hold. Gives that other one.
 */
export function createFolderCheck(): (name: string) => string | undefined {
  // Names that the one at hand begins with; sorted input keeps it a stack.
  const prefixes: string[] = []
  return name => {
    for (let last = prefixes.at(-1); last !== undefined; last = prefixes.at(-1)) {
      if (name.startsWith(last)) break
      prefixes.pop()
    }
    const outer = prefixes.find(prefix => name[prefix.length] === '/')
    prefixes.push(name)
    return outer
  }
}
