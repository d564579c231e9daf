/**
 * What earlier steps of a plan are predicted to have done: later steps see the end of the sequence,
 * not its start. Facts are keyed by host and by the identity of the probe that asks for them.
 */
export interface Overlay {
  /** The predicted answer to a probe; undefined when nothing changed it. */
  predicted(host: string, identity: string): { readonly value: unknown } | undefined
  /** Records what a planned step leaves behind. */
  record(change: PlannedChange): void
  /** True when what the step looks at may have been changed in a way that is not foretold. */
  isUncertain(host: string, resources: readonly string[], unpredicted: boolean): boolean
}

export interface PlannedChange {
  readonly host: string
  readonly resources: readonly string[]
  /** Probe identity → predicted answer. */
  readonly after: ReadonlyMap<string, unknown>
  /** Nothing can be foretold of the host any more. */
  readonly opaque: boolean
}

/** An empty overlay. */
export function createOverlay(): Overlay {
  const answers = new Map<string, Map<string, unknown>>()
  const touched = new Map<string, Set<string>>()
  const opaqueHosts = new Set<string>()
  return Object.freeze({
    predicted: (host, identity) => {
      const known = answers.get(host)
      return known?.has(identity) ? { value: known.get(identity) } : undefined
    },
    record: change => {
      const known = answers.get(change.host) ?? new Map<string, unknown>()
      answers.set(change.host, known)
      for (const [identity, value] of change.after) known.set(identity, value)
      const resources = touched.get(change.host) ?? new Set<string>()
      touched.set(change.host, resources)
      for (const resource of change.resources) resources.add(resource)
      if (change.opaque) opaqueHosts.add(change.host)
    },
    isUncertain: (host, resources, unpredicted) => {
      if (opaqueHosts.has(host)) return true
      if (!unpredicted) return false
      const changed = touched.get(host) ?? new Set<string>()
      return resources.some(resource => [...changed].some(other => overlaps(resource, other)))
    },
  } satisfies Overlay)
}

/** Equal, or one is a path below the other: removing a folder changes what is in it. */
function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)
}
