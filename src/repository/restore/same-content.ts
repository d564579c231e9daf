import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { hashBlocks, hashFiles } from '../../connection/probes.ts'
import { joinPath } from '../logical-path.ts'
import type { BackupFile } from '../manifest_pb.ts'
import type { Unsure } from './compare.ts'

/**
 * Whether each live file holds what the backup says, in order; hashed on the host, so that nothing
 * travels. A file that cannot be judged by hashes is taken for different. @throws file.unreadable
 */
export async function haveSameContent(
  host: ReadOnlyHost,
  target: string,
  files: readonly Unsure[],
  io: Io,
): Promise<readonly boolean[]> {
  const paths = files.map(({ live }) => joinPath(Buffer.from(target), live.path))
  const wholeHashes = files.map(({ file }) => wholeHash(file))
  const whole = files.flatMap((_, at) => (wholeHashes[at] === undefined ? [] : [at]))
  const same = files.map(() => false)
  if (whole.length > 0) {
    const scan = hashFiles({ paths: whole.map(at => paths[at] ?? '') })
    for await (const { file, sha256 } of host.scan(scan, io)) {
      const at = whole[file]
      if (at !== undefined) same[at] = sha256 === wholeHashes[at]
    }
  }
  for (const [at, { file }] of files.entries()) {
    const path = paths[at]
    if (wholeHashes[at] !== undefined || path === undefined) continue
    same[at] = await blocksAreSame(host, path, file, io)
  }
  return same
}

/** The sha256 of the whole file, where the manifest says it. */
function wholeHash(file: BackupFile): string | undefined {
  if (file.sha256.length > 0) return Buffer.from(file.sha256).toString('hex')
  const [only, ...others] = file.blocks
  return others.length === 0 && only?.blockSize === file.size ? only.blockId : undefined
}

async function blocksAreSame(
  host: ReadOnlyHost,
  path: Uint8Array,
  file: BackupFile,
  io: Io,
): Promise<boolean> {
  const blockBytes = file.blocks[0]?.blockSize ?? 0n
  const isUniform = file.blocks.every(
    ({ blockSize }, at) => at === file.blocks.length - 1 || blockSize === blockBytes,
  )
  if (blockBytes === 0n || !isUniform) return false
  const scan = hashBlocks({
    files: [{ path, sizeBytes: Number(file.size) }],
    blockBytes: Number(blockBytes),
  })
  let matching = 0
  for await (const { block, sha256 } of host.scan(scan, io)) {
    if (sha256 === file.blocks[block]?.blockId) matching += 1
  }
  return matching === file.blocks.length
}
