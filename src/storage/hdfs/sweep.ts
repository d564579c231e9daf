import { type Io, quietIo } from '../../base/io.ts'
import type { FileStatus } from './answers.ts'
import type { Requests } from './requests.ts'

/** Longer than one object is written: what is older was left behind by a run that was killed. */
const staleMs = 7 * 24 * 3600 * 1000
/** It may take no longer: nothing waits for it but the end of the run. */
const sweepMs = 60_000

/**
 * Removes what killed runs left of unfinished objects, by the namenode's clock alone: its own times
 * against its own date. Failures do not matter: the next run sweeps again.
 */
export async function sweepUploads(requests: Requests, signal: AbortSignal): Promise<void> {
  const io: Io = {
    ...quietIo,
    signal: AbortSignal.any([signal, AbortSignal.timeout(sweepMs)]),
  }
  try {
    for (let after: string | undefined; ; ) {
      const from = after
      const found = await requests.send('sweeping', io, async (wire, inner) => {
        const page = await wire.page(requests.uploads, from, inner)
        return { page, now: wire.serverTime() }
      })
      const { page, now } = found
      if (page === undefined || now === undefined) return
      const stale = (file: FileStatus): boolean =>
        file.isFile && now.getTime() - file.modified.getTime() > staleMs
      for (const { name } of page.entries.filter(stale)) {
        await requests.send('sweeping', io, (wire, inner) =>
          wire.remove(`${requests.uploads}/${name}`, inner),
        )
      }
      if (!page.hasMore) return
      after = page.entries.at(-1)?.name
    }
  } catch {
    // Nothing rests on it.
  }
}
