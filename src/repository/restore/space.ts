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
  readonly mountedReadOnly: boolean
  readonly availableBytes: number
  readonly needBytes: number
}

/** What a folder takes, or a small file, in bytes: one block of what file systems make by default. */
export const allocationBytes = 4096

/** What a file of a size takes, in bytes. */
export function allocated(sizeBytes: number): number {
  return Math.ceil(sizeBytes / allocationBytes) * allocationBytes
}

/** Left free on every file system: a database that still runs beside the stage needs some. */
const reserveBytes = 16 * 1024 * 1024

/**
 * What is wrong with the room there is, all of it: nothing where it suffices. A read-only mount is no
 * fault of a plan, which must be the same where nothing can be written: see `readOnlyFaults`. Pure.
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
  const forbidden = needs.filter(({ writable, mountedReadOnly }) => !writable && !mountedReadOnly)
  if (forbidden.length > 0) {
    const targets = forbidden.map(({ target }) => target).join(', ')
    return [
      new BkpError('restore.target_invalid', `${first.host}: ${targets} cannot be written`, {
        hint: 'check the permissions, or log in as the owner',
        details: { host: first.host },
      }),
    ]
  }
  const availableBytes = Math.min(...needs.map(need => need.availableBytes))
  if (needBytes + reserveBytes <= availableBytes) return []
  // Without it a stage that would fit, as one of empty folders does, is refused for no reason that shows.
  const reserve = needBytes <= availableBytes ? ` and leaves ${formatBytes(reserveBytes)} free` : ''
  return [
    new BkpError(
      'restore.no_space',
      `${first.host}: ${first.mountPoint} has ${formatBytes(availableBytes)} free, staging needs ${formatBytes(needBytes)}${reserve}`,
      {
        hint: 'make room, or discard trees that earlier restores kept (.bkp-* beside the targets)',
        details: {
          host: first.host,
          mount_point: first.mountPoint,
          available_bytes: availableBytes,
          need_bytes: needBytes,
          reserve_bytes: reserveBytes,
        },
      },
    ),
  ]
}

/** The targets that cannot be staged because their file system is mounted read-only. Pure. */
export function readOnlyFaults(needs: readonly SpaceNeed[]): readonly BkpError[] {
  return needs
    .filter(({ mountedReadOnly }) => mountedReadOnly)
    .map(
      ({ host, target, mountPoint }) =>
        new BkpError(
          'restore.target_invalid',
          `${host}: ${target} cannot be written: ${mountPoint} is mounted read-only`,
          { hint: 'mount it writable; nothing was changed', details: { host } },
        ),
    )
}
