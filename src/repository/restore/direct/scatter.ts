import { byteText } from '../../../base/byte-text.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { Secret } from '../../../base/secret.ts'
import type { Host } from '../../../connection/contract.ts'
import { curlConfig } from '../../planes/direct/transfers-config.ts'
import { withoutQueries } from '../../planes/direct/transfers-words.ts'

/** A range of a block in a window, and the file it becomes. */
export interface Scattered {
  /** Absolute, of plain characters. */
  readonly block: string
  readonly at: number
  readonly length: number
  /** Absolute; a file that is there, whose content is replaced. */
  readonly path: Uint8Array
}

/** Ranges told to one curl: bounds its memory. */
const batchSize = 1000

/**
 * Copies ranges of blocks into files of the same host. curl does it, from `file:` URLs: a process for
 * each file, as dd or head would be, costs ten times as much. @throws file.unwritable, ssh.*
 */
export async function scatter(host: Host, pieces: readonly Scattered[], io: Io): Promise<void> {
  // curl makes no file of no bytes; it is there already.
  const filled = pieces.filter(({ length }) => length > 0)
  for (let from = 0; from < filled.length; from += batchSize) {
    const config = curlConfig(
      filled
        .slice(from, from + batchSize)
        .map(({ block, at, length, path }) => [
          ['url', `file://${block}`],
          ['proto', '=file'],
          ['globoff'],
          ['silent'],
          ['show-error'],
          ['range', `${at}-${at + length - 1}`],
          ['output', path],
        ]),
    )
    const exit = await host.run(
      {
        argv: ['curl', '-q', '-s', '-S', '-g', '--fail-early', '-K', '-'],
        stdin: new Secret(byteText(config)),
        env: { LC_ALL: 'C' },
      },
      io,
    )
    if (exit.code === 0) continue
    const said = withoutQueries(Buffer.from(exit.stderr).toString().trim(), [])
    throw new BkpError(
      'file.unwritable',
      `${host.name}: staged files cannot be written: ${said || `curl status ${exit.code ?? exit.signal}`}`,
      { details: { host: host.name } },
    )
  }
}
