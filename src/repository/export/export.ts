import pLimit from 'p-limit'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../../storage/contract.ts'
import {
  type PutTools,
  putFromBlock,
  putFromBlocks,
  type Wanted,
} from '../restore-objects/put-objects.ts'
import { runSideBySide } from '../side-by-side.ts'
import { withVerifyTools } from '../verify-tools.ts'
import { type ExportedFile, exportedFiles } from './compare.ts'
import type { Export, ExportAmount, ExportDifference } from './contract.ts'
import { holdsFile } from './holds-file.ts'

/** An export that may write. */
export interface WritableExport extends Export {
  readonly target: Storage
}

/** What was done. */
export interface Exported {
  readonly put: ExportAmount
  readonly unchanged: ExportAmount
}

/** Packs and large files written at the same time: each holds a block, or the parts of a stream. */
const putsInFlight = 4
/** Small files of one block that are written together. */
const mostTogether = 512
/** Of those, how many are compared with what is there at the same time. */
const comparedAtOnce = 16

/**
 * Writes the files of a backup as objects. What is there with the right size and, as far as the
 * manifest tells its ends, the right bytes is left: an export that was killed is run again and goes on.
 * The caller writes `last` when this is done.
 * @throws restore.conflict where something else is in the area, repository.*, storage.*
 */
export async function exportFiles(
  wanted: WritableExport,
  planned: ExportDifference,
  io: Io,
): Promise<Exported> {
  const put = { files: 0, bytes: 0 }
  const unchanged = { files: 0, bytes: 0 }
  let doneBytes = 0
  const done = (bytes: number): void => {
    doneBytes += bytes
    io.progress(doneBytes, planned.missing.bytes)
  }
  const refuse = (key: string): void => {
    throw conflict(wanted, { count: 1, first: [key] })
  }
  await withVerifyTools(putsInFlight, async lent => {
    const tools = { ...lent, repo: wanted.repo, target: wanted.target }
    await runSideBySide(putsInFlight, io, async (begin, ownIo) => {
      const write = async (files: readonly ExportedFile[]): Promise<void> => {
        if (files.length === 0) return
        await begin(async () => {
          const needed = await stillNeeded(files, tools, ownIo)
          for (const one of files) {
            const amount = needed.some(({ key }) => key === one.key) ? put : unchanged
            amount.files += 1
            amount.bytes += Number(one.file.size)
          }
          const [first] = needed
          if (first === undefined) return
          if (first.file.blocks.length > 1) await putFromBlocks(first, tools, ownIo, done)
          else await putFromBlock(needed, tools, ownIo, done)
        })
      }
      // Files of a pack lie between large ones, and its block is fetched once for all of them.
      let together: ExportedFile[] = []
      for await (const found of exportedFiles(wanted, refuse, ownIo)) {
        if (found.file.blocks.length > 1) {
          await write([found])
          continue
        }
        if (together.length >= mostTogether || !sharesBlock(together.at(-1), found)) {
          await write(together)
          together = []
        }
        together.push(found)
      }
      await write(together)
    })
  })
  return { put, unchanged }
}

/** Why nothing is written: the area holds what is not of this export. */
export function conflict(
  { target, area }: Pick<Export, 'target' | 'area'>,
  { count, first }: ExportDifference['foreign'],
): BkpError {
  const more = count > first.length ? `, and ${count - first.length} more` : ''
  return new BkpError(
    'restore.conflict',
    `${target.url} holds below ${area} what is not of this backup: ${first.join(', ')}${more}`,
    { hint: 'export to another place, or remove what lies there' },
  )
}

function sharesBlock(last: ExportedFile | undefined, next: ExportedFile): boolean {
  const [a, b] = [last?.file.blocks[0], next.file.blocks[0]]
  return a?.blockId === b?.blockId && a?.generation === b?.generation
}

async function stillNeeded(
  files: readonly ExportedFile[],
  tools: PutTools,
  io: Io,
): Promise<readonly Wanted[]> {
  const limit = pLimit(comparedAtOnce)
  const looks = files.map(({ key, file, isThere }) =>
    limit(async (): Promise<readonly Wanted[]> => {
      if (isThere && (await holdsFile(tools.target, key, file, tools, io))) return []
      return [{ kind: 'added', key, file }]
    }),
  )
  return (await Promise.all(looks)).flat()
}
