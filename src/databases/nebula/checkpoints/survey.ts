import { asBkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { readInstances } from '../read-instances.ts'
import type { NebulaSettings } from '../settings.ts'
import { type FoundCheckpoint, findCheckpoints } from './find.ts'
import { checkpointPlaces } from './places.ts'

/** What lies below `checkpoints/` on all hosts of a cluster that could be asked. */
export interface CheckpointSurvey {
  readonly found: readonly FoundCheckpoint[]
  /** Hosts of which nothing is known, and why. */
  readonly unread: readonly { readonly host: string; readonly reason: string }[]
}

/**
 * Looks on every host that has storageds or metads; one that cannot be reached does not keep the others
 * from being looked at. @throws what is no matter of reaching a host: file.unreadable, inventory.invalid
 */
export async function surveyCheckpoints(
  hosts: readonly ReadOnlyHost[],
  cluster: {
    readonly roles: Readonly<Record<string, readonly string[]>>
    readonly settings: NebulaSettings
  },
  io: Io,
): Promise<CheckpointSurvey> {
  const { metad = [], storaged = [] } = cluster.roles
  const names = [...new Set([...storaged, ...metad])]
  const looked = await Promise.all(
    names.map(async name => {
      const host = hosts.find(each => each.name === name)
      if (host === undefined) return { host: name, reason: 'it does not take part' }
      try {
        const instances = await readInstances(
          [host],
          { ...cluster, roles: { metad, storaged } },
          io,
        )
        return await findCheckpoints(host, checkpointPlaces(instances), io)
      } catch (thrown) {
        const error = asBkpError(thrown)
        if (error.exit !== 4 || io.signal.aborted) throw thrown
        return { host: name, reason: error.message }
      }
    }),
  )
  return {
    found: looked.flatMap(each => (isList(each) ? each : [])),
    unread: looked.flatMap(each => (isList(each) ? [] : [each])),
  }
}

function isList<T, O>(value: readonly T[] | O): value is readonly T[] {
  return Array.isArray(value)
}
