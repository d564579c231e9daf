import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Host, ReadOnlyHost } from '../../connection/contract.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import type { HostSource, SourceRoot } from '../source.ts'
import { askAbility, type HostAbility } from './direct/ability.ts'
import { directSource } from './direct/direct.ts'
import { localSource } from './local.ts'
import { relaySource } from './relay.ts'

/** What a user may ask for. */
export const planeChoices = ['auto', 'local', 'direct', 'relay'] as const
export type PlaneChoice = (typeof planeChoices)[number]

/** How bytes travel between a host and the storage, and why. */
export type ChosenPlane =
  | { readonly plane: 'local' | 'relay'; readonly reason: string }
  | { readonly plane: 'direct'; readonly reason: string; readonly ability: HostAbility }

/** What is known of a host's way to the storage; nothing where nobody asked. */
export type Ability = HostAbility | { readonly unable: string } | undefined

/** Whether it must be asked what a host can do by itself, before its plane can be chosen. */
function mayBeDirect(choice: PlaneChoice, host: ReadOnlyHost, storage: ReadOnlyStorage): boolean {
  if (!storage.capabilities.presign) return false
  // From here to the storage the controller has a way of its own.
  return choice === 'direct' || (choice === 'auto' && host.transport.startsWith('ssh'))
}

/**
 * Chooses the plane of a host, which is asked what it can do: send, unless `ask` asks something else.
 * @throws repository.plane_unavailable, ssh.*
 */
export async function findPlane(
  choice: PlaneChoice,
  host: ReadOnlyHost,
  storage: ReadOnlyStorage,
  io: Io,
  ask: typeof askAbility = askAbility,
): Promise<ChosenPlane> {
  const asks = mayBeDirect(choice, host, storage)
  const ability = asks ? await ask(host, storage, io) : undefined
  return choosePlane(choice, host, ability)
}

/** Chooses the plane of a host by what is known. @throws repository.plane_unavailable */
export function choosePlane(
  choice: PlaneChoice,
  host: Pick<ReadOnlyHost, 'name' | 'transport'>,
  ability?: Ability,
): ChosenPlane {
  const isHere = host.transport === 'local'
  if (choice === 'local' && !isHere) {
    throw unavailable(
      host,
      choice,
      `${host.name} is reached by ${host.transport}, its files are not here`,
    )
  }
  if (choice === 'local' || choice === 'relay') return { plane: choice, reason: 'asked for' }
  if (choice === 'auto' && isHere) return { plane: 'local', reason: 'the controller is the host' }
  if (ability === undefined) {
    if (choice === 'auto')
      return { plane: 'relay', reason: `the host is reached by ${host.transport}` }
    throw unavailable(host, choice, 'hosts cannot send to such a storage by themselves')
  }
  if (!('unable' in ability)) {
    const reason = choice === 'auto' ? 'the host reaches the storage' : 'asked for'
    return { plane: 'direct', reason, ability }
  }
  if (choice === 'auto') return { plane: 'relay', reason: ability.unable }
  throw unavailable(host, choice, ability.unable)
}

function unavailable({ name }: Pick<ReadOnlyHost, 'name'>, plane: string, why: string): BkpError {
  return new BkpError('repository.plane_unavailable', `plane ${plane}: ${why}`, {
    hint: 'use plane: auto',
    details: { host: name },
  })
}

/** The source of a host on its plane. Only a host that may be written to is ever asked to send. */
export function openSource(
  host: ReadOnlyHost | Host,
  roots: readonly SourceRoot[],
  chosen: ChosenPlane,
): HostSource {
  if (chosen.plane === 'local') return localSource(host, roots)
  if (chosen.plane === 'direct' && 'stream' in host)
    return directSource(host, roots, chosen.ability)
  return relaySource(host, roots)
}
