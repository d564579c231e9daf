import { byteText } from '../../../base/byte-text.ts'
import { type Clock, compactTime } from '../../../base/clock.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { runCommand } from '../../apply-commands.ts'

/** Words for sh -c: the file, a name with the time, both without what a kept file's name ends in. */
const keepText = [
  'kept=$2~ i=1',
  // Two steps may write a file within a second: what the first one kept is the only one of its kind.
  'while [ -e "$kept" ] || [ -L "$kept" ]; do kept=$2-$i~ i=$((i + 1)); done',
  // -P: a symlink is kept as the symlink it was.
  `cp -pP -- "$1" "$kept" && printf '%s' "$kept"`,
].join('\n')

/**
 * Copies a file of the host beside it before it is replaced: `PATH.20261122_101500~`, or the next name that
 * nothing has. Resolves to where it is kept. @throws command.failed, ssh.*
 */
export async function keepOld(host: Host, path: string, clock: Clock, io: Io): Promise<string> {
  const name = `${path}.${compactTime(clock.now())}`
  const argv = ['/bin/sh', '-c', keepText, 'sh', path, name]
  return byteText((await runCommand(host, { argv }, io)).stdout)
}
