import type { Random } from '../../engine/simulation/random.ts'
import { bytesOf, type MemoryHost, memoryHost } from '../support.ts'
import { hostName } from './ledger.ts'

/** The files that all writers back up. Few contents that come back: only then can names meet. */
export interface Cluster {
  /** Changes a few files, or goes back to what was there before. */
  change(random: Random): void
  /** Its files at this moment, for one run. */
  host(): MemoryHost
}

/** Packed, one block, several blocks of the small geometry. */
const contents = ['a'.repeat(9), 'b'.repeat(12), 'c'.repeat(40), 'd'.repeat(64), 'e'.repeat(150)]
const paths = ['f0', 'f1']

interface File {
  readonly content: string
  readonly changed: bigint
}

export function createCluster(): Cluster {
  let files = new Map<string, File>([['f0', { content: contents[2] ?? '', changed: 0n }]])
  const history: ReadonlyMap<string, File>[] = []
  let changes = 0n
  return {
    change: random => {
      history.push(new Map(files))
      if (random.chance(0.4)) {
        files = new Map(random.pick(history))
        return
      }
      for (const path of paths) {
        if (random.chance(0.5)) continue
        changes += 1n
        if (random.chance(0.2)) files.delete(path)
        else files.set(path, { content: random.pick(contents), changed: changes })
      }
    },
    host: () => {
      const host = memoryHost(hostName)
      for (const [path, { content, changed }] of files) {
        const time = 1_700_000_000_000_000_000n + changed
        const attributes = { mtimeNs: time, ctimeNs: time, inode: 1000n + changed }
        host.set(path, bytesOf(content), attributes)
      }
      return host
    },
  }
}
