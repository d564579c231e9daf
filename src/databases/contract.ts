import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { ReadOnlyHost } from '../connection/contract.ts'

/** A cluster of the inventory, and how its services are reached. */
export interface ClusterAccess {
  readonly name: string
  /** Role names and the hosts each resolves to, in inventory order. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** The kind's own settings, schema-checked at load. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly clock: Clock
  /** A host of the inventory, to be asked. */
  host(name: string): ReadOnlyHost
  /** A TCP connection from a host of the inventory: through SSH, only its port need be open. */
  dial(
    host: string,
    address: { readonly host: string; readonly port: number },
    io: Io,
  ): Promise<Duplex>
}

/** What speaks a kind's own protocol; loaded when it is first asked for. */
export interface ClusterClients {
  /** A client whose calls only read: all that planning gets. */
  reader(access: ClusterAccess): unknown
  /** The same, and the calls that write. */
  client(access: ClusterAccess): unknown
}

/** A kind of cluster that inventories can describe; the runbook gets the kinds by parameter. */
export interface ClusterKind {
  /** As `kind:` names it. */
  readonly kind: string
  /** One sentence for editors and documentation. */
  readonly summary: string
  /** The roles hosts can have; without them any role name is accepted. */
  readonly roles?: readonly string[]
  /** The role of hosts that are given as one pattern. */
  readonly defaultRole: string
  /**
   * JSON Schema of the kind's own settings: what stands beside `kind` and `hosts`. `x-bkp` marks
   * values with a meaning: `secret` (read at load) and `by_host` (keys are host patterns, which the
   * loader replaces by the hosts they match).
   */
  readonly settings: Readonly<Record<string, unknown>>
  /** Kinds with a protocol of their own have clients; modules get them from their site. */
  clients?(): Promise<ClusterClients>
}
