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
}
