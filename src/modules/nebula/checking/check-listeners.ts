import type { Io } from '../../../base/io.ts'
import { addressText, type MetaReader } from '../../../databases/nebula/contract.ts'
import { type Listened, listenedSpaces } from '../../../databases/nebula/graph/listeners.ts'
import { versionNumbers } from '../../../databases/nebula/restore/versions.ts'
import type { ClusterState } from '../../../databases/nebula/topology/state.ts'
import { type Findings, nothingFound, toTell } from './fault.ts'

/**
 * Warns of listeners and full-text indexes, which no backup holds (specs/nebula.md §6): graphd shows
 * them by space, metads since 3.4 only that there are such services. `knowsGraph` is false where a
 * graphd was asked before and did not answer: that was told.
 */
export async function checkListeners(
  reader: Pick<MetaReader, 'graph' | 'listHosts'>,
  state: ClusterState,
  knowsGraph: boolean,
  io: Io,
): Promise<Findings> {
  try {
    const found =
      reader.graph === undefined || !knowsGraph
        ? await askMetads(reader, state, io)
        : await askGraph(reader.graph, state, io)
    return found.length === 0
      ? nothingFound
      : {
          faults: [],
          warnings: found.map(
            each => `${each}: not in a backup; add and rebuild them after a restore`,
          ),
        }
  } catch (thrown) {
    const { message } = toTell(thrown, io)
    return {
      faults: [],
      warnings: [`whether spaces have listeners, which no backup holds, is not known: ${message}`],
    }
  }
}

async function askGraph(
  graph: NonNullable<MetaReader['graph']>,
  { spaces, generation }: ClusterState,
  io: Io,
): Promise<readonly string[]> {
  const session = await graph.openReader(io)
  try {
    const names = spaces.map(({ name }) => name)
    return (await listenedSpaces(session, names, generation, io)).map(listenedText)
  } finally {
    await session.close()
  }
}

function listenedText({ space, listeners, fulltextIndexes }: Listened): string {
  const what = [
    ...(listeners.length === 0 ? [] : [`listeners (${listeners.join(', ')})`]),
    ...(fulltextIndexes.length === 0 ? [] : [`full-text indexes (${fulltextIndexes.join(', ')})`]),
  ]
  return `space ${space} has ${what.join(' and ')}`
}

/** STORAGE_LISTENER is a type of listHosts since 3.4 (specs/nebula.md §1.5). */
async function askMetads(
  reader: Pick<MetaReader, 'listHosts'>,
  { version }: ClusterState,
  io: Io,
): Promise<readonly string[]> {
  const [major = 0, minor = 0] = versionNumbers(version) ?? []
  if (major !== 3 || minor < 4) return []
  const rows = await reader.listHosts('listener', io)
  if (rows.length === 0) return []
  return [`listeners run (${rows.map(({ address }) => addressText(address)).join(', ')})`]
}
