import { formatBytes } from '../../../base/units.ts'

/** What went through bkp that its host was to send, and why. */
export interface Detours {
  /** Takes note of a block. */
  wentRound(bytes: number, why: string): void
  /** A sentence for each reason. */
  warnings(): readonly string[]
}

/** Reasons that are told one by one. */
const mostReasons = 5

export function createDetours(host: string): Detours {
  const sums = new Map<string, { blocks: number; bytes: number }>()
  return Object.freeze({
    wentRound: (bytes, why) => {
      // How long it took is another number each time.
      const reason = why.replace(/ after \d+ (ms|milliseconds)\b/g, '')
      const name = sums.has(reason) || sums.size < mostReasons ? reason : 'other reasons'
      const sum = sums.get(name) ?? { blocks: 0, bytes: 0 }
      sums.set(name, { blocks: sum.blocks + 1, bytes: sum.bytes + bytes })
    },
    warnings: () =>
      [...sums].map(([why, { blocks, bytes }]) => {
        const what = blocks === 1 ? '1 block' : `${blocks} blocks`
        return `${host}: ${what} (${formatBytes(bytes)}) went through bkp, not directly: ${why}`
      }),
  } satisfies Detours)
}
