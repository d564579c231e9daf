import type { NebulaSettings, PathMap } from './settings.ts'

/** One mapping: as services see a folder, and as the host does. */
type Mapping = readonly [service: string, host: string]

/** A path of a service as its host sees it; itself where nothing maps it. */
export function toHostPath(
  settings: NebulaSettings,
  hostName: string,
  servicePath: string,
): string {
  return mapped(servicePath, mappings(settings, hostName))
}

/** A path of a host as its services see it; itself where nothing maps it. */
export function toServicePath(
  settings: NebulaSettings,
  hostName: string,
  hostPath: string,
): string {
  const back = mappings(settings, hostName).map(([service, host]): Mapping => [host, service])
  return mapped(hostPath, back)
}

function mappings({ path_map: map }: NebulaSettings, hostName: string): readonly Mapping[] {
  const given = map?.[hostName] ?? []
  return (isList(given) ? given : [given])
    .flatMap(each => Object.entries(each))
    .map(([service, host]): Mapping => [withoutSlash(service), withoutSlash(host)])
}

function isList(given: PathMap | readonly PathMap[]): given is readonly PathMap[] {
  return Array.isArray(given)
}

/** By whole names: /data does not cover /database. */
function mapped(path: string, table: readonly Mapping[]): string {
  const covering = table.filter(([from]) => path === from || path.startsWith(`${from}/`))
  const longest = covering.reduce<Mapping | undefined>(
    (best, each) => (best === undefined || each[0].length > best[0].length ? each : best),
    undefined,
  )
  if (longest === undefined) return path
  const result = longest[1] + path.slice(longest[0].length)
  return result === '' ? '/' : result
}

/** The root itself becomes empty text, so that it is the beginning of every path. */
function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '')
}
