import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatBytes } from '../../../base/units.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import {
  freeSpace,
  type SpaceFacts,
  type UploadFacts,
  uploadTools,
} from '../../../connection/probes.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import { type CurlFeatures, readCurlFeatures } from './transfers-curl.ts'
import type { Hasher } from './window.ts'

/** What a host can do, once it can send by itself. */
export interface HostAbility {
  readonly hasher: Hasher
  readonly features: CurlFeatures
  /**
   * Whether there is room for a window now. It changes from second to second, and a plan must be the
   * same until something is done: so it decides nothing before bytes travel.
   */
  readonly hasRoom: boolean
  /** Where a window of such blocks goes, and how many it holds. @throws repository.plane_unavailable */
  roomFor(blockBytes: number): { readonly folder: string; readonly places: number }
}

/** Where a window may go, the fastest first. */
const folders = ['/dev/shm', '/tmp', '/var/tmp'] as const
/** How many blocks a window holds, the most first. */
const sizes = [8, 6, 4, 3, 2, 1] as const
/** Blocks' worth of room for the copies of small files while they are packed. */
const packRoom = 3
/** What of a folder's room is taken at most: it is others' memory, others' disk. */
const shareOfRoom = 0.75
const largestBlockBytes = 8 * 1024 * 1024

/**
 * Whether a host can send to a storage by itself, or why not. Only looks: at its tools, and whether the
 * storage answers it. @throws ssh.*
 */
export async function askAbility(
  host: ReadOnlyHost,
  storage: ReadOnlyStorage,
  io: Io,
): Promise<HostAbility | { readonly unable: string }> {
  const origin = await storage.presignedOrigin?.()
  const facts = await askFacts(host, origin, io)
  if ('unable' in facts) return facts
  const rooms = [facts.shm, facts.tmp, facts.varTmp].map((space, index) => ({
    folder: folders[index] ?? '/tmp',
    bytes: usableBytes(space, folders[index]),
  }))
  const features = readCurlFeatures(facts.tools.curl)
  const fault = faultOf(host.name, facts.tools, features, origin)
  if (fault !== undefined || features === undefined || facts.tools.hasher === undefined) {
    return { unable: fault ?? `${host.name} has no curl` }
  }
  const roomFor: HostAbility['roomFor'] = blockBytes => {
    const places = (bytes: number): number | undefined =>
      sizes.find(size => (size + packRoom) * blockBytes <= bytes)
    for (const { folder, bytes } of rooms) {
      const found = places(bytes)
      if (found !== undefined) return { folder, places: found }
    }
    throw new BkpError(
      'repository.plane_unavailable',
      `${host.name} has no ${formatBytes((1 + packRoom) * blockBytes)} of room in ${folders.join(', ')}`,
      { details: { host: host.name } },
    )
  }
  const hasRoom = rooms.some(({ bytes }) => (1 + packRoom) * largestBlockBytes <= bytes)
  return Object.freeze({ hasher: facts.tools.hasher, features, hasRoom, roomFor })
}

interface Facts {
  readonly tools: UploadFacts
  readonly shm: SpaceFacts
  readonly tmp: SpaceFacts
  readonly varTmp: SpaceFacts
}

async function askFacts(
  host: ReadOnlyHost,
  origin: string | undefined,
  io: Io,
): Promise<Facts | { readonly unable: string }> {
  const [shm, tmp, varTmp] = folders
  const tools = uploadTools(origin)
  const spaces = { shm: freeSpace(shm), tmp: freeSpace(tmp), varTmp: freeSpace(varTmp) }
  try {
    return await host.ask({ tools, ...spaces }, io)
  } catch (error) {
    // A host that answers no such question can be backed up all the same.
    if (!(error instanceof BkpError && error.code === 'command.failed')) throw error
    return { unable: error.message }
  }
}

function usableBytes(
  { writable, availableBytes, mountPoint }: SpaceFacts,
  folder: string | undefined,
): number {
  // Where there is no such mount, the answer is of what lies above.
  const isMemory = folder !== '/dev/shm' || mountPoint === folder
  return writable && isMemory ? availableBytes * shareOfRoom : 0
}

/** What keeps a host from it, for people. */
function faultOf(
  name: string,
  { curl, hasher, missing, reached }: UploadFacts,
  features: CurlFeatures | undefined,
  origin: string | undefined,
): string | undefined {
  if (curl === '' || features === undefined) return `${name} has no curl`
  const [first] = missing
  if (first !== undefined) return `${name} has no ${first}`
  if (hasher === undefined) return `${name} has neither openssl nor sha256sum`
  const protocol = origin === undefined ? undefined : new URL(origin).protocol.slice(0, -1)
  if (protocol !== undefined && !features.protocols.includes(protocol)) {
    return `the curl of ${name} knows no ${protocol}`
  }
  if (reached !== undefined && 'error' in reached) {
    // How long that took is another number each time.
    const said = reached.error.replace(/ after \d+ (ms|milliseconds)\b/g, '')
    return `${name} does not reach ${origin}: ${said}`
  }
  return undefined
}
