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
  /** Removes what it touches: what lies below is gone, too. */
  readonly removes?: boolean
  /** Nothing can be foretold of the host any more. */
  readonly opaque: boolean
}

/** An empty overlay. */
export function createOverlay(): Overlay {
  const answers = new Map<string, Map<string, unknown>>()
  const touched = new Map<string, Set<string>>()
  const removed = new Map<string, Set<string>>()
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
      addTo(touched, change.host, change.resources)
      if (change.removes) addTo(removed, change.host, change.resources)
      if (change.opaque) opaqueHosts.add(change.host)
    },
    isUncertain: (host, resources, unpredicted) => {
      if (opaqueHosts.has(host)) return true
      if (!unpredicted) return false
      const changed = touched.get(host)
      const gone = [...(removed.get(host) ?? [])]
      return resources.some(
        resource =>
          changed?.has(resource) ||
          isTreeTouched(resource, changed) ||
          gone.some(folder => resource.replace(/^tree:/, 'file:').startsWith(`${folder}/`)),
      )
    },
  } satisfies Overlay)
}

/** `tree:/a` is a folder with all that is below it: a step that touched any of it counts. */
function isTreeTouched(resource: string, changed: ReadonlySet<string> | undefined): boolean {
  if (!resource.startsWith('tree:')) return false
  const folder = `file:${resource.slice('tree:'.length)}`
  const below = folder.endsWith('/') ? folder : `${folder}/`
  return [...(changed ?? [])].some(one => one === folder || one.startsWith(below))
}

function addTo(known: Map<string, Set<string>>, host: string, resources: readonly string[]): void {
  const own = known.get(host) ?? new Set<string>()
  known.set(host, own)
  for (const resource of resources) own.add(resource)
}
