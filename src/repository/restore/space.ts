import { BkpError } from '../../base/errors.ts'
import { formatBytes } from '../../base/units.ts'

/** Room that one target takes on a file system of a host. */
export interface SpaceNeed {
  readonly host: string
  /** Where it is staged. */
  readonly target: string
  /** Device number: targets of one file system share its room. */
  readonly device: string
  readonly mountPoint: string
  readonly writable: boolean
  readonly availableBytes: number
  readonly needBytes: number
}

/** Left free on every file system: a database that still runs beside the stage needs some. */
const reserveBytes = 16 * 1024 * 1024

/**
 * What is wrong with the room there is, all of it: nothing where it suffices. Pure.
 */
export function spaceFaults(needs: readonly SpaceNeed[]): readonly BkpError[] {
  const systems = new Map<string, SpaceNeed[]>()
  for (const need of needs) {
    const key = `${need.host} ${need.device}`
    systems.set(key, [...(systems.get(key) ?? []), need])
  }
  return [...systems.values()].flatMap(checkSystem)
}

function checkSystem(needs: readonly SpaceNeed[]): readonly BkpError[] {
  const [first] = needs
  if (first === undefined) return []
  const needBytes = needs.reduce((sum, need) => sum + need.needBytes, 0)
  const readOnly = needs.filter(({ writable }) => !writable)
  if (readOnly.length > 0) {
    const targets = readOnly.map(({ target }) => target).join(', ')
    return [
      new BkpError('restore.target_invalid', `${first.host}: ${targets} cannot be written`, {
        hint: 'check the mount and the permissions, or become the owner',
        details: { host: first.host },
      }),
    ]
  }
  const availableBytes = Math.min(...needs.map(need => need.availableBytes))
  if (needBytes + reserveBytes <= availableBytes) return []
  return [
    new BkpError(
      'restore.no_space',
      `${first.host}: ${first.mountPoint} has ${formatBytes(availableBytes)} free, staging needs ${formatBytes(needBytes)}`,
      {
        hint: 'make room, or discard trees that earlier restores kept (.bkp-* beside the targets)',
        details: {
          host: first.host,
          mount_point: first.mountPoint,
          available_bytes: availableBytes,
          need_bytes: needBytes,
        },
      },
    ),
  ]
}
