import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Host } from './contract.ts'
import { displayPath, lastWords } from './probes/replies.ts'
import { encodeTar, type TarEntry } from './tar.ts'

/**
 * Unpacks entries below a folder of the host that is there already. Owners are given by name where
 * root does it and the host knows the name, by number otherwise; another user gets all files for
 * its own. GNU tar sets mtimes to the nanosecond; busybox to the second, and not those of folders.
 * @throws command.failed with tar's last words, ssh.*, and whatever an entry's content throws
 */
export async function unpackTree(
  host: Host,
  destination: string | Uint8Array,
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
  io: Io,
): Promise<void> {
  const { stdout, exit } = host.stream(
    {
      // A user other than root may not give files away: tar's default is not to try then.
      argv: ['tar', '-x', '-p', '-f', '-', '-C', destination],
      stdin: encodeTar(entries),
      // GNU tar reads and writes 10 KiB at a time unless told otherwise; other tars know no such variable.
      env: { LC_ALL: 'C', TAR_OPTIONS: '--blocking-factor=128' },
    },
    io,
  )
  for await (const _ of stdout) {
    // tar prints nothing on stdout.
  }
  const { code, stderr } = await exit
  if (code === 0) return
  const said = lastWords(stderr)
  throw new BkpError(
    'command.failed',
    `unpacking into ${displayPath(destination)} failed: ${said === '' ? `status ${code ?? 'none'}` : said}`,
    { details: { host: host.name } },
  )
}
