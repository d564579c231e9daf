import type { FileFacts } from '../connection/probes.ts'
import {
  createForetoldFiles,
  type ForetoldFiles,
  fileQuestion,
  foldersAbove,
} from './foretold-files.ts'

/**
 * What earlier steps of a plan are predicted to have done: later steps see the end of the sequence,
 * not its start. Facts are keyed by host and by the identity of the probe that asks for them.
 */
export interface Overlay {
  /** The predicted answer to a probe; undefined when the host has to be asked. */
  predicted(host: string, identity: string): { readonly value: unknown } | undefined
  /** What the host itself answered, as far as it will still be true by then. */
  corrected(host: string, identity: string, value: unknown): unknown
  /** Records what a planned step leaves behind. */
  record(change: PlannedChange): void
  /** True when what the step looks at may have been changed in a way that is not foretold. */
  isUncertain(host: string, looked: Looked): boolean
}

/** What a step looks at. */
export interface Looked {
  readonly resources: readonly string[]
  /** The host itself was asked, not only earlier steps. */
  readonly asked: boolean
  /** What was answered, by the probe's identity. */
  readonly seen?: ReadonlyMap<string, unknown>
  /** Identities of the probes that the host itself was asked. */
  readonly questions?: ReadonlySet<string>
}

export interface PlannedChange {
  readonly host: string
  readonly resources: readonly string[]
  /** What the step saw, by the probe's identity. */
  readonly seen?: ReadonlyMap<string, unknown>
  /** Probe identity → predicted answer; empty where it may or may not be done. */
  readonly after: ReadonlyMap<string, unknown>
  /** Removes what it touches: what lies below is gone, too. */
  readonly removes?: boolean
  /** Nothing can be foretold of the host any more. */
  readonly opaque: boolean
}

/** Answers about something else than one path: which step foretold them, by its resources. */
interface OtherAnswer {
  readonly value: unknown
  readonly resources: readonly string[]
}

interface HostState {
  readonly files: ForetoldFiles
  readonly others: Map<string, OtherAnswer>
  readonly touched: Set<string>
  readonly removed: Set<string>
  opaque: boolean
}

/** An empty overlay. */
export function createOverlay(): Overlay {
  const hosts = new Map<string, HostState>()
  return Object.freeze({
    predicted: (host, identity) => {
      const state = hosts.get(host)
      if (state === undefined) return undefined
      const question = fileQuestion(identity)
      return question === undefined
        ? state.others.get(identity)
        : state.files.answer(question, identity)
    },
    corrected: (host, identity, value) => {
      const question = fileQuestion(identity)
      const files = hosts.get(host)?.files
      return question === undefined || files === undefined
        ? value
        : files.corrected(question, value)
    },
    record: change => {
      const state = hosts.get(change.host) ?? newState()
      hosts.set(change.host, state)
      record(state, change)
    },
    isUncertain: (host, looked) => {
      const state = hosts.get(host)
      if (state === undefined) return false
      if (state.opaque) return true
      return looked.asked && isStale(state, looked)
    },
  } satisfies Overlay)
}

function newState(): HostState {
  return {
    files: createForetoldFiles(),
    others: new Map(),
    touched: new Set(),
    removed: new Set(),
    opaque: false,
  }
}

function record(state: HostState, change: PlannedChange): void {
  const { resources, seen = new Map(), after, removes, opaque } = change
  const written = resources.filter(resource => !/^(tree|look|host):/.test(resource))
  if (after.size > 0) for (const [identity, value] of seen) state.files.see(identity, value)
  const paths = written.flatMap(resource => pathOf('file:', resource) ?? [])
  state.files.foretell(paths, after)
  for (const [identity, other] of state.others) {
    if (isTouched(other.resources, new Set(written))) state.others.delete(identity)
  }
  for (const resource of written) {
    state.touched.add(resource)
    const below = pathOf('below:', resource)
    if (below !== undefined) state.files.forgetBelow(below)
    if (removes) state.removed.add(resource)
  }
  for (const [identity, value] of after) {
    if (fileQuestion(identity) === undefined) state.others.set(identity, { value, resources })
  }
  if (opaque) state.opaque = true
}

function isStale(state: HostState, looked: Looked): boolean {
  const { seen = new Map() } = looked
  const resources = looked.resources.filter(resource => isAsked(resource, looked.questions))
  if (isTouched(resources, state.touched)) return true
  const paths = resources.flatMap(resource => pathOf('file:', resource) ?? lookedAt(resource) ?? [])
  if (paths.some(path => state.files.isDoubtful(path))) return true
  // What a link leads to: asked through the link, the host does not say what it will be.
  const direct = new Set([...seen.keys()].map(identity => fileQuestion(identity)?.path))
  if (paths.some(path => !direct.has(path) && state.files.isImplied(path))) return true
  for (const resource of resources) {
    const path = resource.replace(/^(tree|look):/, 'file:')
    for (const folder of state.removed) if (path.startsWith(`${folder}/`)) return true
  }
  for (const [identity, value] of seen) {
    const isFile = fileQuestion(identity)?.kind === 'file'
    // The answer to a question for the facts of a file.
    if (isFile && state.files.isShared(value as FileFacts)) return true
  }
  return false
}

/** What an earlier step foretold of a path that is only looked at cannot be stale. */
function isAsked(resource: string, questions: ReadonlySet<string> | undefined): boolean {
  const path = pathOf('look:', resource)
  if (path === undefined || questions === undefined) return true
  return [...questions].some(identity => fileQuestion(identity)?.path === path)
}

function pathOf(
  scheme: 'file:' | 'below:' | 'look:' | 'tree:',
  resource: string,
): string | undefined {
  return resource.startsWith(scheme) ? resource.slice(scheme.length) : undefined
}

/**
 * Whether any of them was touched. `look:/a` is a path, `tree:/a` a folder with all that is below it; `below:/a` all
 * below it that a step may have touched; `host:` whatever there is.
 */
function isTouched(resources: readonly string[], touched: ReadonlySet<string>): boolean {
  return resources.some(resource => {
    if (touched.has(resource) || (resource === 'host:' && touched.size > 0)) return true
    const tree = pathOf('tree:', resource)
    const path = pathOf('file:', resource) ?? lookedAt(resource)
    if (path === undefined) return false
    if (touched.has(`file:${path}`)) return true
    if ([path, ...foldersAbove(path)].some(folder => touched.has(`below:${folder}`))) return true
    return tree !== undefined && isTreeTouched(tree, touched)
  })
}

function lookedAt(resource: string): string | undefined {
  return pathOf('tree:', resource) ?? pathOf('look:', resource)
}

function isTreeTouched(tree: string, touched: ReadonlySet<string>): boolean {
  const inside = tree.endsWith('/') ? tree : `${tree}/`
  return [...touched].some(one => {
    const path = pathOf('file:', one) ?? pathOf('below:', one)
    return path !== undefined && (path === tree || path.startsWith(inside))
  })
}
