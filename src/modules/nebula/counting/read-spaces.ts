import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { didYouMean } from '../../../base/text.ts'
import type { Generation, MetaReader } from '../../../databases/nebula/contract.ts'

/** What graphd is asked about. */
export interface Asked {
  /** Names of spaces. */
  readonly spaces: readonly string[]
  readonly generation: Generation
  readonly version: string | null
  /** A graphd is in the inventory. */
  readonly hasGraphd: boolean
}

/** The spaces that are asked for, or all; each must be there. @throws nebula.space_not_found, nebula.* */
export async function readSpaces(
  reader: MetaReader,
  wanted: readonly string[] | undefined,
  io: Io,
): Promise<Asked> {
  const { generation, version } = await reader.version(io)
  const names = (await reader.listSpaces(io)).map(({ name }) => name)
  for (const space of wanted ?? []) {
    if (names.includes(space)) continue
    throw new BkpError('nebula.space_not_found', `there is no space "${space}"`, {
      hint: didYouMean(space, names) ?? `there are: ${names.join(', ') || 'none'}`,
      details: { space, spaces: names },
    })
  }
  return {
    spaces: wanted ?? names,
    generation,
    version: version ?? null,
    hasGraphd: reader.graph !== undefined,
  }
}

/** Said where nothing can be counted or listed: a step must not look as if it had. */
export function noGraphd(cluster: string, what: string): string {
  return `${cluster} has no graphd in the inventory: ${what}`
}
