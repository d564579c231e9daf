import { escapeControls } from '../../../base/text.ts'
import type { Transfer } from './transfers.ts'

/** Characters kept of what curl said. */
const mostCharacters = 500

/**
 * What curl said, fit for a message: no query of any URL, whose signature is a secret, and no control
 * characters; cut where it is long.
 */
export function withoutQueries(
  said: string,
  transfers: readonly Pick<Transfer, 'presigned'>[],
): string {
  const queries = transfers.flatMap(({ presigned }) => {
    const url = presigned.url.reveal()
    const at = url.indexOf('?')
    return at < 0 || at === url.length - 1 ? [] : [url.slice(at + 1)]
  })
  let text = said.slice(0, 64 * 1024)
  for (const query of queries) text = text.replaceAll(query, '…')
  // Another form of it, such as one that was cut.
  text = text.replace(/\?[^\s'"]+/g, '?…')
  const shown = escapeControls(text, { newlines: false })
  return shown.length <= mostCharacters ? shown : `${shown.slice(0, mostCharacters)}…`
}
