import type { HostSource, SourceRoot } from '../source.ts'
import { readObjectBlocks, readSmallObjects, statObjects } from './read-objects.ts'
import { type ObjectPlace, walkObjects } from './walk-objects.ts'

/** Objects, or batches of small ones, read at the same time. */
const filesInFlight = 4

/**
 * A storage that is backed up: its objects as files below roots that are prefixes of it. This
 * controller reads them; an object whose size and etag (its time, where there is no etag) are those of
 * the parent is not read. Nothing is ever written there.
 */
export function storageSource(place: ObjectPlace, roots: readonly SourceRoot[]): HostSource {
  return Object.freeze({
    host: place.host,
    roots,
    filesInFlight,
    walk: (root, io, warn) => walkObjects(place, root, io, warn),
    readFiles: (root, files, tools, io) => readSmallObjects(place, root, files, tools, io),
    readBlocks: (root, file, range, tools, io) =>
      readObjectBlocks(place, root, file, range, tools, io),
    stat: (root, files, io) => statObjects(place, root, files, io),
  } satisfies HostSource)
}
