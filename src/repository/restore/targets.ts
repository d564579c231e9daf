import { BkpError, throwFaults } from '../../base/errors.ts'
import { didYouMean } from '../../base/text.ts'
import { isBelow, joinPath, pathFault, pathText, relativeTo, showPath } from '../logical-path.ts'
import { isStorageHost } from '../sources/names.ts'

/** A logical root of one host, as a manifest names it. */
export interface ManifestRoot {
  readonly host: string
  readonly root: Uint8Array
}

/** What of a backup goes where, as the user said it. */
export interface TargetRequest {
  /** Names in the backup to names in the inventory; hosts not named keep their name. */
  readonly hostMap: Readonly<Record<string, string>>
  /** Logical paths to absolute paths; the longest match counts. `.` stands for all relative roots. */
  readonly pathMap: Readonly<Record<string, string>>
  /** Logical paths to restore; empty for everything. */
  readonly paths: readonly string[]
  /** Hosts that take part. */
  readonly hosts: readonly string[]
  /** Hosts, by either name, that may be absent: what is theirs is left out. */
  readonly allowMissing: readonly string[]
}

/** One tree to put in place: a folder, a file or a symbolic link. */
export interface RestoreTarget {
  readonly host: string
  /** Absolute, without `.`, `..` or a trailing slash. */
  readonly target: string
  /** The host's name in the backup. */
  readonly fromHost: string
  /** The part of the backup that becomes the target, a root or below one. */
  readonly subtree: Uint8Array
}

/**
 * Which parts of a backup go to which host and path. All faults at once.
 * @throws restore.target_invalid, cluster.hosts_missing
 */
export function chooseTargets(
  roots: readonly ManifestRoot[],
  request: TargetRequest,
): readonly RestoreTarget[] {
  const faults: BkpError[] = []
  const hosts = mapHosts(roots, request, faults)
  const pathMap = readPathMap(request.pathMap, faults)
  const selections = selectSubtrees(roots, request.paths, faults).filter(({ host }) =>
    hosts.has(host),
  )
  const targets = selections.flatMap(({ host, subtree }) => {
    const newHost = hosts.get(host)
    const target = mapPath(subtree, pathMap, faults)
    if (newHost === undefined || target === undefined) return []
    return [{ host: newHost, target, fromHost: host, subtree }]
  })
  refuseUnusedMaps(pathMap, roots, selections, faults)
  refuseDangerous(targets, faults)
  throwFaults(faults, `${faults.length} faults in what is to be restored where`)
  return targets
}

interface Selection {
  readonly host: string
  readonly subtree: Uint8Array
}

interface PathMapping {
  readonly from: string
  readonly fromBytes: Uint8Array
  readonly to: Uint8Array
}

function invalid(message: string, hint?: string): BkpError {
  return new BkpError('restore.target_invalid', message, hint === undefined ? {} : { hint })
}

function mapHosts(
  roots: readonly ManifestRoot[],
  request: TargetRequest,
  faults: BkpError[],
): ReadonlyMap<string, string> {
  const inBackup = [...new Set(roots.map(({ host }) => host))]
  const hostMap = new Map(Object.entries(request.hostMap))
  for (const old of hostMap.keys()) {
    if (inBackup.includes(old)) continue
    const hint = didYouMean(old, inBackup) ?? `the backup has ${inBackup.join(', ')}`
    faults.push(invalid(`host_map: the backup holds no host "${old}"`, hint))
  }
  const mapped = new Map<string, string>()
  const ofHosts = inBackup.filter(host => !isStorageHost(host))
  // Objects have no owners and no folders: storages that nothing maps are left to their own module.
  const ofStorages = inBackup.filter(
    host => isStorageHost(host) && (hostMap.has(host) || ofHosts.length === 0),
  )
  faults.push(...ofStorages.map(objectsOf))
  for (const old of ofHosts) {
    const name = hostMap.get(old) ?? old
    if (request.hosts.includes(name)) mapped.set(old, name)
    else if (!request.allowMissing.includes(name) && !request.allowMissing.includes(old)) {
      faults.push(missingHost(old, name))
    }
  }
  return mapped
}

function objectsOf(host: string): BkpError {
  return invalid(
    `${host} of the backup is a storage: its objects do not become files of a host`,
    'repository.restore_objects puts them into a storage',
  )
}

function missingHost(old: string, name: string): BkpError {
  const what = old === name ? `host "${old}"` : `host "${name}" (for "${old}" of the backup)`
  return new BkpError('cluster.hosts_missing', `${what} does not take part in this restore`, {
    hint: `map it to another host with host_map, or name it in allow_missing to leave it out`,
    details: { host: name },
  })
}

function trimSlashes(text: string): string {
  const trimmed = text.replace(/\/+$/, '')
  return trimmed === '' && text !== '' ? '/' : trimmed
}

function readPathMap(
  pathMap: Readonly<Record<string, string>>,
  faults: BkpError[],
): readonly PathMapping[] {
  return Object.entries(pathMap).flatMap(([from, to]) => {
    const fromBytes = Buffer.from(from === '.' ? '' : trimSlashes(from))
    const toBytes = Buffer.from(trimSlashes(to))
    const fromFault = from === '.' ? undefined : pathFault(fromBytes)
    const toFault = to.startsWith('/') ? pathFault(toBytes) : 'is not absolute'
    if (fromFault !== undefined) faults.push(invalid(`path_map: "${from}" ${fromFault}`))
    if (toFault !== undefined) {
      faults.push(
        invalid(
          `path_map: "${to}", the target of "${from}", ${toFault}`,
          'write an absolute path without "." and ".."',
        ),
      )
    }
    return fromFault === undefined && toFault === undefined
      ? [{ from, fromBytes, to: toBytes }]
      : []
  })
}

function covers({ fromBytes }: PathMapping, path: Uint8Array): boolean {
  return fromBytes.length === 0 ? path[0] !== 0x2f : isBelow(path, fromBytes)
}

function mapPath(
  path: Uint8Array,
  pathMap: readonly PathMapping[],
  faults: BkpError[],
): string | undefined {
  const [best] = pathMap
    .filter(mapping => covers(mapping, path))
    .toSorted((a, b) => b.fromBytes.length - a.fromBytes.length)
  const mapped =
    best === undefined
      ? path
      : joinPath(best.to, best.fromBytes.length === 0 ? path : relativeTo(path, best.fromBytes))
  const text = pathText(mapped)
  if (text === undefined) {
    faults.push(invalid(`"${showPath(path)}" is not UTF-8: it cannot be a target`))
    return undefined
  }
  if (!text.startsWith('/')) {
    faults.push(
      invalid(
        `"${showPath(path)}" was backed up under a relative name: it has no place of its own`,
        `say where it goes: path_map: { "${showPath(path)}": /absolute/path }`,
      ),
    )
    return undefined
  }
  return text
}

/** Each root, or the parts of it that `paths` names; a part inside another is not named twice. */
function selectSubtrees(
  roots: readonly ManifestRoot[],
  paths: readonly string[],
  faults: BkpError[],
): readonly Selection[] {
  if (paths.length === 0) return roots.map(({ host, root }) => ({ host, subtree: root }))
  const wanted = paths.flatMap(path => {
    const bytes = Buffer.from(trimSlashes(path))
    const fault = pathFault(bytes)
    if (fault === undefined) return [{ path, bytes }]
    faults.push(invalid(`paths: "${path}" ${fault}`))
    return []
  })
  for (const { path, bytes } of wanted) {
    if (roots.some(({ root }) => isBelow(root, bytes) || isBelow(bytes, root))) continue
    const names = [...new Set(roots.map(({ root }) => showPath(root)))].slice(0, 10).join(', ')
    faults.push(invalid(`paths: the backup holds nothing at "${path}"`, `its roots are ${names}`))
  }
  return roots.flatMap(({ host, root }) => {
    if (wanted.some(({ bytes }) => isBelow(root, bytes))) return [{ host, subtree: root }]
    const inside = wanted.map(({ bytes }) => bytes).filter(bytes => isBelow(bytes, root))
    return inside
      .filter((bytes, at) => !inside.some((other, i) => i !== at && hides(other, bytes, i < at)))
      .map(subtree => ({ host, subtree }))
  })
}

/** Whether `outer` makes naming `inner` superfluous; of two equal ones the first stays. */
function hides(outer: Uint8Array, inner: Uint8Array, outerIsFirst: boolean): boolean {
  return isBelow(inner, outer) && (outer.length < inner.length || outerIsFirst)
}

function refuseUnusedMaps(
  pathMap: readonly PathMapping[],
  roots: readonly ManifestRoot[],
  selections: readonly Selection[],
  faults: BkpError[],
): void {
  for (const mapping of pathMap) {
    // Roots of hosts that are left out count: a map may be written for all of them.
    if (
      [...roots.map(({ root }) => root), ...selections.map(({ subtree }) => subtree)].some(path =>
        covers(mapping, path),
      )
    ) {
      continue
    }
    const outer = selections.find(({ subtree }) => isBelow(mapping.fromBytes, subtree))
    faults.push(
      outer === undefined
        ? invalid(`path_map: nothing of the backup lies at "${mapping.from}"`)
        : invalid(
            `path_map: "${mapping.from}" lies inside ${showPath(outer.subtree)}, which is put in place as one tree`,
            `restore it by a step of its own, with paths: ["${mapping.from}"]`,
          ),
    )
  }
}

function refuseDangerous(targets: readonly RestoreTarget[], faults: BkpError[]): void {
  for (const { host, target, subtree } of targets) {
    if (target !== '/') continue
    faults.push(
      invalid(
        `${host}: "${showPath(subtree)}" would replace "/"`,
        'restore into a folder with path_map, or parts of it with paths',
      ),
    )
  }
  faults.push(...overlapFaults(targets))
}

/** Targets of one host of which one lies in another, or twice the same. */
export function overlapFaults(
  targets: readonly Pick<RestoreTarget, 'host' | 'target'>[],
): readonly BkpError[] {
  return targets.flatMap(({ host, target }, at) => {
    const other = targets
      .slice(0, at)
      .find(earlier => earlier.host === host && overlap(earlier.target, target))
    if (other === undefined) return []
    return [
      invalid(
        `${host}: "${target}" and "${other.target}" overlap`,
        'give each tree a place of its own with path_map',
      ),
    ]
  })
}

function overlap(a: string, b: string): boolean {
  return isBelow(Buffer.from(a), Buffer.from(b)) || isBelow(Buffer.from(b), Buffer.from(a))
}
