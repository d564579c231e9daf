import type { Io } from '../../../base/io.ts'
import type { Generation } from '../contract.ts'
import { isMajor2 } from '../generations/versions.ts'
import type { GraphReaderSession } from './contract.ts'
import { showFulltextIndexes, showListener } from './statements.ts'
import { rowsOf, textOf } from './tables.ts'

/** What of a space no backup holds (specs/nebula.md §6): its listeners, and what they feed. */
export interface Listened {
  readonly space: string
  /** `ELASTICSEARCH 10.0.0.4:9789`, each once. */
  readonly listeners: readonly string[]
  /** Names of full-text indexes; none up to 2.x, where the listener is all that graphd shows. */
  readonly fulltextIndexes: readonly string[]
}

/**
 * The spaces that have listeners or full-text indexes.
 * @throws nebula.refused, nebula.unreachable, nebula.protocol
 */
export async function listenedSpaces(
  session: GraphReaderSession,
  spaces: readonly string[],
  generation: Generation,
  io: Io,
): Promise<readonly Listened[]> {
  const isOld = isMajor2(generation)
  const found: Listened[] = []
  for (const space of spaces) {
    const listeners = rowsOf(await session.read(showListener, io, { space }), showListener.text, [
      'Type',
      'Host',
    ]).map(({ Type, Host }) => {
      const host = textOf(Host, showListener.text).replaceAll(/["[\]]/g, '')
      return `${textOf(Type, showListener.text)} ${host}`
    })
    const { text } = showFulltextIndexes
    const indexes = isOld
      ? []
      : rowsOf(await session.read(showFulltextIndexes, io, { space }), text, ['Name'])
    if (listeners.length === 0 && indexes.length === 0) continue
    const fulltextIndexes = indexes.map(({ Name }) => textOf(Name, text))
    found.push({ space, listeners: [...new Set(listeners)], fulltextIndexes })
  }
  return found
}
