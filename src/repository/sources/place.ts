import { fileURLToPath } from 'node:url'

/** A part of a storage: its address, and a prefix of its keys without slashes at its ends. */
export interface StoragePart {
  readonly url: string
  readonly prefix: string
}

/**
 * Where one part of a storage lies below another, as far as addresses tell: empty where they are the
 * same, the way down to it where it lies inside, nothing where they are apart.
 */
export function partBelow(inner: StoragePart, outer: StoragePart): string | undefined {
  const [a, b] = [placeOf(inner), placeOf(outer)]
  if (a.server !== b.server || b.path.length > a.path.length) return undefined
  if (b.path.some((name, index) => a.path[index] !== name)) return undefined
  return a.path.slice(b.path.length).join('/')
}

/** What holds the names, and the names on the way to a part of it. */
function placeOf({ url, prefix }: StoragePart): {
  readonly server: string
  readonly path: readonly string[]
} {
  const place = new URL(url)
  const isFile = place.protocol === 'file:'
  const server = isFile
    ? 'file:'
    : `${place.protocol}//${place.host} ${place.searchParams.get('endpoint') ?? ''}`
  const path = isFile ? fileURLToPath(place) : decodeURIComponent(place.pathname)
  return { server, path: `${path}/${prefix}`.split('/').filter(name => name !== '') }
}
