import { textBytes } from '../../../base/byte-text.ts'
import { BkpError } from '../../../base/errors.ts'

/** Options of one transfer, as curl's config files name them, without `--`. */
export type CurlOptions = readonly (readonly [name: string, value?: string | Uint8Array | number])[]

/** How curl's config files write what would end a value in quotes or its line. */
const escapes: Readonly<Record<number, string>> = {
  9: '\\t',
  10: '\\n',
  11: '\\v',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
}

/**
 * A value in quotes: curl reads back exactly these bytes, also where they are no UTF-8.
 * @throws command.invalid for a NUL byte
 */
function quoteValue(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? textBytes(value) : value
  if (bytes.includes(0)) {
    throw new BkpError('command.invalid', 'a NUL byte is in what curl is told', {
      hint: 'no program can be given such a name',
    })
  }
  const pieces: Uint8Array[] = [Buffer.from('"')]
  let start = 0
  for (const [at, byte] of bytes.entries()) {
    const escaped = escapes[byte]
    if (escaped === undefined) continue
    pieces.push(bytes.subarray(start, at), Buffer.from(escaped))
    start = at + 1
  }
  pieces.push(bytes.subarray(start), Buffer.from('"'))
  return Buffer.concat(pieces)
}

/** Transfers as the lines of a config file that `curl -K -` reads. @throws command.invalid for a NUL byte */
export function curlConfig(transfers: readonly CurlOptions[]): Buffer {
  const sections = transfers.map(options =>
    Buffer.concat(
      options.flatMap(([name, value]) => [
        Buffer.from(name),
        ...(value === undefined ? [] : [Buffer.from(' = ')]),
        ...(value === undefined
          ? []
          : [typeof value === 'number' ? Buffer.from(`${value}`) : quoteValue(value)]),
        Buffer.from('\n'),
      ]),
    ),
  )
  const next = Buffer.from('next\n')
  return Buffer.concat(
    sections.flatMap((section, index) => (index === 0 ? [section] : [next, section])),
  )
}
