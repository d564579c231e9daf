import { asBkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { file } from '../../../connection/probes.ts'
import { createSearch, type Search } from './search.ts'

/** What a look at a path gave. */
export interface PathLook {
  readonly present: boolean
  /** Without a pattern, true of whatever is there. */
  readonly matched: boolean
  readonly why: string
}

/** Looks at a path again and again; of a file that grows only what is new is read. */
export interface PathWatch {
  look(io: Io): Promise<PathLook>
}

export function watchPath(
  host: Pick<Host, 'ask' | 'read'>,
  path: string,
  pattern: string | undefined,
): PathWatch {
  let seen: { readonly inode: string; offset: number; readonly search: Search } | undefined
  const absent: PathLook = { present: false, matched: false, why: 'it is not there' }

  async function look(io: Io): Promise<PathLook> {
    const { facts } = await host.ask({ facts: file(path, { follow: true }) }, io)
    if (facts.kind === 'absent') {
      seen = undefined
      return absent
    }
    if (pattern === undefined) return { present: true, matched: true, why: 'it is there' }
    if (facts.kind !== 'file') {
      return { present: true, matched: false, why: 'it is no file that could be searched' }
    }
    if (seen?.inode !== facts.inode || facts.sizeBytes < seen.offset) {
      seen = { inode: facts.inode, offset: 0, search: createSearch(pattern) }
    }
    const matched = await readOn(seen, facts.sizeBytes, io)
    return { present: true, matched, why: 'nothing in it matches' }
  }

  async function readOn(
    watched: { offset: number; readonly search: Search },
    sizeBytes: number,
    io: Io,
  ): Promise<boolean> {
    const { offset } = watched
    if (sizeBytes === offset) return false
    const range = { offset, lengthBytes: sizeBytes - offset }
    for await (const bytes of host.read(path, io, range)) {
      watched.offset += bytes.length
      if (watched.search.feed(bytes)) return true
    }
    return false
  }

  return Object.freeze({
    look: async (io: Io) => {
      try {
        return await look(io)
      } catch (thrown) {
        const error = asBkpError(thrown)
        // It was replaced while it was read, or may not be read yet.
        if (error.code !== 'file.unreadable' || io.signal.aborted) throw error
        seen = undefined
        return { present: true, matched: false, why: error.message }
      }
    },
  } satisfies PathWatch)
}
