import type { Host } from '../../../connection/contract.ts'
import type { HostSource, SourceRoot } from '../../source.ts'
import { relaySource } from '../relay.ts'
import type { HostAbility } from './ability.ts'
import { openOutbox } from './outbox.ts'

/**
 * Host → storage: what is missing there is sent by the host itself, by URLs that are good for one
 * block each. Looking, hashing and asking again go as on the relay plane, and so does whatever cannot
 * be sent that way.
 */
export function directSource(
  host: Host,
  roots: readonly SourceRoot[],
  ability: HostAbility,
): HostSource {
  return Object.freeze({
    ...relaySource(host, roots),
    openOutbox: (options, io) => openOutbox(host, ability, options, io),
  } satisfies HostSource)
}
