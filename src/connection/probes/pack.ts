import { BkpError } from '../../base/errors.ts'
import { type ByteSource, byteSource } from '../byte-source.ts'
import type { Scan } from '../contract.ts'
import { joinLines, quotePath, script, wordBytes } from '../quote.ts'
import { decodeTar } from '../tar.ts'
import { makeScan, type ScanEnd } from './internals.ts'
import { lastWords, unreadable } from './replies.ts'

/** A file read whole, or why not. `bytes` is what was read, however long it turned out to be. */
export type PackedFile =
  | { readonly index: number; readonly bytes: Uint8Array }
  | { readonly index: number; readonly error: BkpError }

/** Asked without a size, a file of any length will do. */
export interface PackRequest {
  /** Relative to the root. */
  readonly path: string | Uint8Array
  readonly sizeBytes?: number
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const bytes of content) pieces.push(bytes)
  return new Uint8Array(Buffer.concat(pieces))
}

/** Sentences of tar that are answered for: the file is reported missing, or its change is the caller's. */
const explained =
  /: Cannot (stat|open): |: File removed before we read it$|: socket ignored$|: file changed as we read it$|^tar: Exiting with failure status due to previous errors$/

/** @throws command.failed when tar complains of something that no record told of */
function checkEnd(ended: ScanEnd, missing: number): void {
  if (ended.code === 0) return
  const complaints = ended.stderr
    .toString('latin1')
    .split('\n')
    .filter(line => line.startsWith('tar: '))
  const isExplained = complaints.length > 0 && complaints.every(line => explained.test(line))
  const changed = complaints.some(line => line.endsWith('changed as we read it'))
  if (isExplained && !ended.truncated && (missing > 0 || changed)) return
  const said = lastWords(ended.stderr)
  throw new BkpError(
    'command.failed',
    `tar ended with status ${ended.code ?? 'none'}${said === '' ? '' : `: ${said}`}`,
  )
}

/**
 * The script of a pack: `T` and a tar archive where the host has GNU tar, else `C` and per file
 * `F size` and its bytes, or `X`. Names come on stdin, each with a NUL: no argument list would hold them.
 */
function packScript(root: Buffer): Buffer {
  return joinLines([
    script`cd ${root} || exit 1`,
    script`if tar --version 2>/dev/null | grep -q 'GNU tar'; then`,
    script`  echo T`,
    // Hard links among the names would be sent as references; all are wanted as files.
    script`  tar --format=gnu --no-recursion --hard-dereference --null -T - -cf -; exit $?`,
    script`fi`,
    script`echo C`,
    script`xargs -0 sh -c 'for f; do`,
    script`  if [ -f "$f" ] && [ ! -L "$f" ] && [ -r "$f" ] && s=$(stat -c %s "$f"); then`,
    script`    echo "F $s"; head -c "$s" <"$f"`,
    script`  else echo X; fi`,
    script`done' sh; exit $?`,
  ])
}

interface Answer {
  /** Place in the request at which to look; what lies before it is missing. */
  readonly index: number
  readonly bytes?: Uint8Array
}

function nameInArchive(path: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('./'), wordBytes(path)])
}

async function* fromTar(
  archive: AsyncIterable<Uint8Array>,
  files: readonly PackRequest[],
): AsyncGenerator<Answer> {
  let next = 0
  for await (const entry of decodeTar(archive)) {
    const name = Buffer.from(entry.path.at(-1) === 0x2f ? entry.path.slice(0, -1) : entry.path)
    while (next < files.length && !nameInArchive(files[next]?.path ?? '').equals(name)) next += 1
    if (next === files.length) throw unreadable(name, 'tar sent it unasked or out of order')
    yield entry.type === 'file'
      ? { index: next, bytes: await collect(entry.content) }
      : { index: next }
    next += 1
  }
}

async function* fromLoop(
  source: ByteSource,
  files: readonly PackRequest[],
): AsyncGenerator<Answer> {
  for (let index = 0; index < files.length; index += 1) {
    const line = await readLine(source)
    const [, size] = /^F (\d+)$/.exec(line) ?? []
    if (size === undefined && line !== 'X') throw cutShort()
    if (size === undefined) continue
    const bytes = await source.exactly(Number(size))
    if (bytes === undefined) throw cutShort()
    yield { index, bytes: new Uint8Array(bytes) }
  }
}

function cutShort(): BkpError {
  return new BkpError('command.failed', 'a file was cut off while it was sent')
}

async function readLine(source: ByteSource): Promise<string> {
  const bytes: number[] = []
  for (;;) {
    const byte = (await source.some(1))?.[0]
    if (byte === undefined || byte === 0x0a) return Buffer.from(bytes).toString('latin1')
    bytes.push(byte)
    if (bytes.length > 64) return ''
  }
}

/**
 * Many small files below a root, whole, in one stream: one answer each, in the order asked. A file that
 * is gone, unreadable, no regular file, or of another size than asked for is an answer, too. Whether
 * a file changed while it was read is for the caller to ask (`statFiles` afterwards).
 * @throws command.failed when tar failed for any other reason
 */
export function packFiles(options: {
  readonly root: string | Uint8Array
  readonly files: readonly PackRequest[]
}): Scan<PackedFile> {
  const { files } = options
  const nul = new Uint8Array(1)
  function* input(): Generator<Uint8Array> {
    for (const { path } of files) yield Buffer.concat([nameInArchive(path), nul])
  }
  return makeScan<PackedFile>('packFiles', options, {
    script: packScript(quotePath(options.root)),
    input,
    async *parse(stdout, end) {
      const iterator = stdout[Symbol.asyncIterator]()
      const source = byteSource(iterator)
      try {
        const mode = await readLine(source)
        const answers =
          mode === 'T' ? fromTar(source.rest(), files) : mode === 'C' ? fromLoop(source, files) : []
        let next = 0
        let missing = 0
        for await (const { index, bytes } of answers) {
          for (; next < index; next += 1, missing += 1)
            yield { index: next, error: gone(files[next]) }
          yield packed(index, files[index], bytes)
          next = index + 1
        }
        if (mode !== 'T' && mode !== 'C') {
          throw unreadable(options.root, lastWords((await end()).stderr))
        }
        const ended = await end()
        const left = files.length - next
        checkEnd(ended, missing + left)
        for (; next < files.length; next += 1) yield { index: next, error: gone(files[next]) }
      } finally {
        await iterator.return?.()
      }
    },
  })
}

function gone(file: PackRequest | undefined): BkpError {
  return unreadable(file?.path ?? '', 'it is gone, or may not be read')
}

function packed(
  index: number,
  file: PackRequest | undefined,
  bytes: Uint8Array | undefined,
): PackedFile {
  const path = file?.path ?? ''
  if (bytes === undefined) return { index, error: unreadable(path, 'it is no regular file') }
  const asked = file?.sizeBytes
  if (asked === undefined || asked === bytes.length) return { index, bytes }
  const why = `it has ${bytes.length} bytes, not ${asked}`
  return { index, error: unreadable(path, why) }
}
