import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { parseCheckpointPath } from '../layout.ts'
import type { FoundCheckpoint } from './find.ts'

/**
 * Looks at each folder above once more, just before: `$1` is a path `…/nebula/<space>/checkpoints/<name>`.
 * What is not there any more is fine.
 */
const script = [
  'for p; do',
  '  [ -e "$p" ] || [ -L "$p" ] || continue',
  `  c=\${p%/*}; s=\${c%/*}; n=\${s%/*}`,
  '  for d in "$n" "$s" "$c" "$p"; do',
  '    if [ -L "$d" ] || [ ! -d "$d" ]; then echo "$d is a symlink or no folder" >&2; exit 3; fi',
  '  done',
  '  rm -rf -- "$p" || exit 4',
  'done',
].join('\n')

/** Paths of one command: far below what a command line holds. */
const batchSize = 200

/**
 * Removes checkpoints of one host that nothing uses any more: exactly these folders, never through a
 * symlink (specs/nebula.md §3.2: deleting one is safe, its files are hard links).
 * @throws nebula.not_ready for a path that is no checkpoint or goes through a symlink, file.unwritable
 */
export async function removeCheckpoints(
  host: Host,
  checkpoints: readonly FoundCheckpoint[],
  io: Io,
): Promise<void> {
  for (const { path, linked } of checkpoints) {
    const isPlain = path.startsWith('/') && posix.normalize(path) === path
    if (linked || !isPlain || parseCheckpointPath(path) === undefined) {
      throw unsafe(host.name, path, linked ? 'a symlink leads to it' : 'it is no checkpoint')
    }
  }
  const paths = checkpoints.map(({ path }) => path)
  for (let start = 0; start < paths.length; start += batchSize) {
    const batch = paths.slice(start, start + batchSize)
    const exit = await host.run({ argv: ['sh', '-c', script, 'sh', ...batch] }, io)
    if (exit.code === 0) continue
    const said = Buffer.from(exit.stderr).toString().trim()
    if (exit.code === 3) throw unsafe(host.name, batch.join(', '), said)
    throw new BkpError(
      'file.unwritable',
      `${host.name}: a checkpoint cannot be removed: ${said || `status ${exit.code}`}`,
      {
        hint: 'run as the user of NebulaGraph, or as root with become: true',
        details: { host: host.name },
      },
    )
  }
}

function unsafe(host: string, path: string, why: string): BkpError {
  return new BkpError('nebula.not_ready', `${host}: ${path} is not removed: ${why}`, {
    hint: 'look at it, and remove it by hand',
    details: { host },
  })
}
