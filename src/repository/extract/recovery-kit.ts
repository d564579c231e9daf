import { posix } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { readLimits } from '../geometry.ts'
import { RecoveryKitSchema } from '../manifest_pb.ts'
import { fetchBlock } from '../read.ts'
import type { Backup, Repository } from '../repository.ts'

/** A file of the recovery kit. */
export interface KitFile {
  /** Where it lay, as the run knew it. */
  readonly path: string
  /** Where it goes below the kit's folder: no absolute path, nothing that leads out. */
  readonly place: string
  readonly content: Uint8Array
}

/**
 * The playbook, the inventory and what they include, as they were when the backup was taken. None of a
 * backup by another tool.
 * @throws repository.manifest_invalid, repository.block_missing, repository.block_corrupt, storage.*
 */
export async function readRecoveryKit(
  repo: Repository,
  { name, manifest }: Backup,
  io: Io,
): Promise<readonly KitFile[]> {
  const blocks = manifest.backupMeta?.recoveryKit ?? []
  const bytes = blocks.reduce((sum, { blockSize }) => sum + Number(blockSize), 0)
  if (bytes > readLimits.manifestBytes) throw invalid(name, `is ${bytes} bytes long`)
  const parts: Uint8Array[] = []
  for (const block of blocks) parts.push(await fetchBlock(repo, block, io))
  const files = parse(name, Buffer.concat(parts))
  const places = placesOf(files.map(({ path }) => path))
  return files.map(({ path, content }, index) => ({ path, place: places[index] ?? '', content }))
}

function parse(
  name: string,
  bytes: Uint8Array,
): readonly { readonly path: string; readonly content: Uint8Array }[] {
  try {
    return fromBinary(RecoveryKitSchema, bytes).files
  } catch (cause) {
    throw invalid(name, 'is no RecoveryKit message', cause)
  }
}

function invalid(name: string, what: string, cause?: unknown): BkpError {
  return new BkpError('repository.manifest_invalid', `manifest ${name}: its recovery kit ${what}`, {
    cause,
    hint: 'use another backup, and run bkp verify to see what else is damaged',
    details: { manifest: name },
  })
}

/**
 * Paths below one folder, as they lay to each other: without the folders that all have in common. What
 * leads out (`../inventory.yml`) goes into folders called `parent`.
 */
function placesOf(paths: readonly string[]): readonly string[] {
  const parts = paths.map(path =>
    posix
      .normalize(path)
      .split('/')
      .filter(part => part !== '' && part !== '.')
      .map(safeName),
  )
  const [first = []] = parts
  let common = 0
  // The last one is a name, never a folder.
  while (parts.every(own => common < own.length - 1 && own[common] === first[common])) common += 1
  const taken = new Set<string>()
  return parts.map((own, index) => {
    const place = own.slice(common).join('/') || `file-${index + 1}`
    const free = taken.has(place) ? `${place}.${index + 1}` : place
    taken.add(free)
    return free
  })
}

const longestName = 200

function safeName(part: string): string {
  if (part === '..') return 'parent'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return part.replace(/[\u0000-\u001f\u007f-\u009f\\]/g, '_').slice(0, longestName)
}
