import { chmod, lstat, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { BkpError } from '../base/errors.ts'

/**
 * Where runs are kept: `--state-dir`, `BKP_STATE_DIR`, or the XDG state folder.
 * @throws run.state_dir_unsafe when there is no home to fall back to
 */
export function stateDirectoryPath(
  flag: string | undefined,
  environment: (name: string) => string | undefined,
): string {
  const chosen = flag ?? environment('BKP_STATE_DIR')
  if (chosen !== undefined && chosen !== '') return chosen
  const xdg = environment('XDG_STATE_HOME')
  if (xdg !== undefined && xdg !== '') return join(xdg, 'bkp')
  return join(environment('HOME') ?? homedir(), '.local', 'state', 'bkp')
}

/** Level by level: Node's own `recursive` never returns where a file system refuses, as /proc does. */
async function makeFolders(path: string): Promise<void> {
  const make = async (): Promise<void> => {
    await mkdir(path, { mode: 0o700 })
  }
  try {
    await make()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolders(dirname(path))
    await make()
  }
}

/**
 * Makes the state directory, 0700, or checks the one there is.
 * @throws run.state_dir_unsafe when it cannot be made, is a link, belongs to someone else, or others may write to it
 */
export async function openStateDirectory(path: string): Promise<string> {
  const unsafe = (why: string, hint: string): BkpError =>
    new BkpError('run.state_dir_unsafe', `state directory ${path} ${why}`, { hint })
  try {
    await makeFolders(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw unsafe(`cannot be made: ${why}`, 'name another with --state-dir')
  }
  const found = await lstat(path)
  if (!found.isDirectory()) {
    throw unsafe('is not a plain directory', 'name another with --state-dir')
  }
  const own = process.getuid?.()
  if (own !== undefined && found.uid !== own) {
    throw unsafe(`belongs to user ${found.uid}`, 'name one of your own with --state-dir')
  }
  if ((found.mode & 0o022) !== 0) {
    throw unsafe('may be written by others', `chmod 700 ${path}`)
  }
  if ((found.mode & 0o777) !== 0o700) await chmod(path, 0o700)
  return path
}
