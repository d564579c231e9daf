import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { displayPath, lastWords } from './probes/replies.ts'
import { startProcess } from './process.ts'
import { joinLines, quotePath, quoteWord, script, wordBytes } from './quote.ts'
import type { Session } from './session.ts'
import type { Shells } from './shells.ts'

/** Longest name of a file on Linux, in bytes. */
const nameLimitBytes = 255

/** A name beside the file that no other run can hit: the bytes are written there first. */
function besides(path: Buffer, nonce: string): Buffer {
  const slash = path.lastIndexOf(0x2f) + 1
  const suffix = Buffer.from(`.${nonce}.bkp-tmp`)
  const name = path.subarray(slash).subarray(0, nameLimitBytes - suffix.length - 1)
  return Buffer.concat([path.subarray(0, slash), Buffer.from('.'), name, suffix])
}

function unwritable(path: string | Uint8Array, why: string): BkpError {
  return new BkpError('file.unwritable', `${displayPath(path)} cannot be written: ${why}`)
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  count: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    count.bytes += piece.length
    yield piece
  }
}

/**
 * Writes a whole file. The bytes go to a file beside it, which becomes the file by rename only after
 * all of them were counted there: a stream cut off on its way leaves the old file as it was.
 * @throws file.unwritable, ssh.*, and whatever the bytes' source throws
 */
export async function writeFile(
  session: Session,
  shells: Pick<Shells, 'use'>,
  path: string | Uint8Array,
  bytes: AsyncIterable<Uint8Array>,
  mode: string,
  io: Io,
): Promise<void> {
  if (!/^[0-7]{1,4}$/.test(mode)) throw unwritable(path, `"${mode}" is no octal mode`)
  const nonce = Buffer.from(session.random(8)).toString('hex')
  const target = quotePath(path)
  const temporary = quotePath(besides(wordBytes(path), nonce))
  // In the shell that is there anyway: a channel costs more than all of these commands.
  const finish = async (lines: readonly Buffer[], under: Io): Promise<void> => {
    const part = { script: joinLines(lines), limitBytes: 0 }
    const [reply] = await shells.use(under, shell => shell.ask([part], under))
    if (reply === undefined || reply.code !== 0) {
      throw unwritable(path, lastWords(reply?.stderr ?? Buffer.alloc(0)))
    }
  }
  const count = { bytes: 0 }
  try {
    const sent = await startProcess(
      session,
      {
        // noclobber opens with O_EXCL: a link that someone put there is not followed.
        script: joinLines([
          script`[ ! -d ${target} ] || { echo 'it is a directory' >&2; exit 1; }`,
          script`umask 077; set -C; exec cat >${temporary}`,
        ]),
        input: counted(bytes, count),
        reads: false,
      },
      io,
    )
    for await (const _ of sent.stdout) {
      // Nothing is printed.
    }
    const { code, stderr } = await sent.ended
    if (code !== 0) throw unwritable(path, lastWords(stderr) || `status ${code ?? 'none'}`)
    const slash = wordBytes(path).lastIndexOf(0x2f)
    const folder = quotePath(slash < 0 ? '.' : wordBytes(path).subarray(0, slash + 1))
    await finish(
      [
        script`[ "$(stat -c %s ${temporary})" = ${quoteWord(String(count.bytes))} ] ||`,
        script`  { echo 'not all bytes arrived' >&2; exit 1; }`,
        script`chmod ${quoteWord(mode)} ${temporary} || exit 1`,
        // Old sync knows no names and old kernels no such call: durable where possible.
        script`sync ${temporary} 2>/dev/null`,
        script`mv -f ${temporary} ${target} || exit 1`,
        script`sync ${folder} 2>/dev/null; exit 0`,
      ],
      io,
    )
  } catch (thrown) {
    const quiet = { ...io, signal: new AbortController().signal }
    await finish([script`rm -f ${temporary}`], quiet).catch(() => {})
    throw thrown
  }
}
