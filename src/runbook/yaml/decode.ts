import { BkpError } from '../../base/errors.ts'
import { createSourceLines } from './source-lines.ts'

function refuse(file: string, message: string, hint: string, text = '', offset = 0): never {
  throw new BkpError('yaml.invalid', message, {
    hint,
    place: { ...createSourceLines(file, text).place(offset) },
  })
}

/** Largest file that is read, in bytes. */
const sizeLimitBytes = 1024 * 1024

/**
 * Bytes of a YAML or JSON file as text, a byte order mark left out.
 * @throws yaml.limit above 1 MiB; yaml.invalid for UTF-16, invalid UTF-8 and NUL
 */
export function decodeSource(file: string, bytes: Uint8Array): string {
  if (bytes.length > sizeLimitBytes) {
    throw new BkpError('yaml.limit', `the file has ${bytes.length} bytes`, {
      hint: `at most ${sizeLimitBytes} bytes (1 MiB) are read`,
      place: { file, line: 1, column: 1 },
    })
  }
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    refuse(file, 'the file is UTF-16', 'save it as UTF-8')
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // The lenient decoder puts U+FFFD where the first bad byte is: that is the place to show.
    const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    refuse(file, 'the file is not UTF-8', 'save it as UTF-8', lenient, firstBadByte(bytes, lenient))
  }
  const body = text.startsWith('\ufeff') ? text.slice(1) : text
  const nul = body.indexOf('\0')
  if (nul !== -1) refuse(file, 'the file contains a NUL character', 'remove it', body, nul)
  return body
}

/** Offset of the first replacement character that the bytes do not themselves contain. */
function firstBadByte(bytes: Uint8Array, lenient: string): number {
  const encoder = new TextEncoder()
  for (let at = lenient.indexOf('\ufffd'); at !== -1; at = lenient.indexOf('\ufffd', at + 1)) {
    const offset = encoder.encode(lenient.slice(0, at)).length
    const genuine =
      bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd
    if (!genuine) return at
  }
  return 0
}
