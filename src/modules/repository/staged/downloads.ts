import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { type Bandwidth, shareBandwidth } from '../../../repository/bandwidth.ts'
import { type ChosenPlane, findPlane, type PlaneChoice } from '../../../repository/planes/choose.ts'
import { askDownloading } from '../../../repository/restore/direct/choose.ts'
import type { DirectWay } from '../../../repository/restore/direct/fetch.ts'
import { directHostsAtATime, type StageOptions } from '../../../repository/restore/stage.ts'
import type { ReadOnlyStorage, Storage } from '../../../storage/contract.ts'
import { createRetrier } from '../../../storage/retry.ts'
import { throttledStorage } from '../../../storage/throttle.ts'
import type { RunContext } from '../../contract.ts'

/** The plane of each host. */
export type Downloads = ReadonlyMap<string, ChosenPlane>

/** Chooses how bytes come to each host. Only looks. @throws repository.plane_unavailable, ssh.* */
export async function chooseDownloads(
  choice: PlaneChoice,
  hosts: readonly ReadOnlyHost[],
  storage: ReadOnlyStorage,
  io: Io,
): Promise<Downloads> {
  const chosen = await Promise.all(
    hosts.map(
      async host =>
        [host.name, await findPlane(choice, host, storage, io, askDownloading)] as const,
    ),
  )
  return new Map(chosen)
}

/**
 * How a stage gets blocks on those planes, within a bandwidth. A host whose room is gone meanwhile gets
 * them through this process, with a warning.
 */
export function downloadWays(
  planes: Downloads,
  storage: Storage,
  bandwidth: Bandwidth,
  { clock, random }: Pick<RunContext, 'clock' | 'random'>,
  warn: (warning: string) => void,
): Pick<StageOptions, 'direct' | 'storageOf' | 'warn'> {
  const somePass = [...planes.values()].some(({ plane }) => plane === 'direct')
  const shares = shareBandwidth(bandwidth, {
    hosts: planes.size,
    hostsAtOnce: directHostsAtATime,
    somePass,
    clock,
  })
  const direct = new Map<string, DirectWay>()
  const storages = new Map<string, ReadOnlyStorage>()
  for (const [host, chosen] of planes) {
    const presign = storage.presign?.bind(storage)
    if (chosen.plane === 'direct' && chosen.ability.hasRoom && presign !== undefined) {
      const { ability } = chosen
      if (ability.hasRoom) {
        const retrier = createRetrier({ clock, random })
        direct.set(host, { ability, presign, retrier, bytesPerSecond: shares.bytesPerSecond })
        continue
      }
      warn(`${host} has no room for blocks in memory or /tmp; its files came through bkp`)
    }
    const throttle = shares.throttle()
    if (throttle !== undefined) storages.set(host, throttledStorage(storage, throttle))
  }
  return { direct, storageOf: host => storages.get(host) ?? storage, warn }
}
