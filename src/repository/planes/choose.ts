import { BkpError } from '../../base/errors.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import type { HostSource, SourceRoot } from '../source.ts'
import { localSource } from './local.ts'
import { relaySource } from './relay.ts'

/** How bytes travel between hosts and the storage. */
type Plane = 'local' | 'relay'

/** What a user may ask for. */
export const planeChoices = ['auto', 'local', 'relay'] as const
export type PlaneChoice = (typeof planeChoices)[number]

/** The plane of one host, and why. */
export interface ChosenPlane {
  readonly plane: Plane
  readonly reason: string
}

/** Chooses the plane of a host. @throws repository.plane_unavailable */
export function choosePlane(choice: PlaneChoice, host: ReadOnlyHost): ChosenPlane {
  const isHere = host.transport === 'local'
  if (choice === 'local' && !isHere) {
    throw new BkpError(
      'repository.plane_unavailable',
      `plane local: ${host.name} is reached by ${host.transport}, its files are not here`,
      { hint: 'use plane: auto', details: { host: host.name } },
    )
  }
  if (choice !== 'auto') return { plane: choice, reason: 'asked for' }
  return isHere
    ? { plane: 'local', reason: 'the controller is the host' }
    : { plane: 'relay', reason: `the host is reached by ${host.transport}` }
}

/** The source of a host on its plane. */
export function openSource(
  host: ReadOnlyHost,
  roots: readonly SourceRoot[],
  { plane }: ChosenPlane,
): HostSource {
  return plane === 'local' ? localSource(host, roots) : relaySource(host, roots)
}
