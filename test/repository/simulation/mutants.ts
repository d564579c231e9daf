import { isRecord } from '../../../src/base/json.ts'
import { decodeManifest, encodeManifest, tombstone } from '../../../src/repository/manifest.ts'
import { BackupManifest_State } from '../../../src/repository/manifest_pb.ts'
import { manifestName, manifestPrefix, parseBlockKey } from '../../../src/repository/names.ts'
import type { Key, ObjectInfo, Storage } from '../../../src/storage/contract.ts'
import { compareKeys, key as keyOf } from '../../../src/storage/key.ts'
import { notFound } from '../../../src/storage/memory.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/**
 * One piece of the protocol taken out, in what lies between the real code and the store: the storage
 * that a process gets in place of its own.
 */
export interface Mutant {
  readonly name: string
  storage(process: Process, world: World): Storage
}

const everything = Number.POSITIVE_INFINITY

/** Only processes of that role get another storage. */
function mutate(
  name: string,
  role: Process['role'],
  changes: (inner: Storage, world: World) => Partial<Storage>,
): Mutant {
  return {
    name,
    storage: (process, world) => {
      const { storage } = process
      if (process.role !== role) return storage
      return Object.freeze({ ...storage, ...changes(storage, world) })
    },
  }
}

/** A listing as it was once, or with something added. */
async function* listed(
  infos: Iterable<ObjectInfo>,
  prefix: string,
  after?: Key,
): AsyncIterable<ObjectInfo> {
  for (const info of [...infos].sort((a, b) => compareKeys(a.key, b.key))) {
    if (!info.key.startsWith(prefix)) continue
    if (after === undefined || compareKeys(info.key, after) > 0) yield info
  }
}

/** Writers never see a generation but the first: names that were swept are used again. */
export const plainNames = mutate('plain names', 'writer', inner => {
  let newest = 1
  const there = (key: Key): Key => keyOf(key.replace(/^gc\/1\//, `gc/${newest}/`))
  return {
    get: (key, io, range) => inner.get(there(key), io, range),
    list: async function* (prefix, io, after) {
      const infos: ObjectInfo[] = []
      for await (const info of inner.list(prefix, io, after)) infos.push(info)
      if (prefix !== 'gc/') {
        yield* infos
        return
      }
      const numbers = infos.map(({ key }) => Number(key.split('/')[1]))
      newest = Math.max(1, ...numbers)
      for (const info of infos) {
        const [, number, what] = info.key.split('/')
        if (Number(number) === newest) yield { ...info, key: keyOf(`gc/1/${what}`) }
      }
    },
  }
})

/** Whoever reads its parent takes every block for one of it that the storage shows. */
export const reuseByHead = mutate('reuse by HEAD', 'writer', (inner, { objects }) => ({
  get: async (key, io, range) => {
    const bytes = await inner.get(key, io, range)
    const name = manifestName(key)
    if (name === undefined) return bytes
    const manifest = decodeManifest(bytes, name)
    if (manifest.state !== BackupManifest_State.COMPLETE) return bytes
    for (const info of objects.page('data/', undefined, everything)) {
      const block = parseBlockKey(info.key)
      if (block === undefined) continue
      manifest.backupMeta?.recoveryKit.push({
        $typeName: 'bkp.v1.BackupBlock',
        ...block,
        blockSize: BigInt(info.sizeBytes),
        offset: 0n,
      })
    }
    return encodeManifest(manifest, name)
  },
}))

/** A session that looks dead is passed over: nothing keeps it from committing. */
export const noTombstones = mutate('no tombstones', 'vacuum', (inner, { objects }) => {
  const passed = new Map<Key, ObjectInfo>()
  return {
    putIfAbsent: async (key, bytes, io) => {
      const name = manifestName(key)
      if (name === undefined) return await inner.putIfAbsent(key, bytes, io)
      passed.set(key, { key, sizeBytes: bytes.length, modified: new Date(0) })
      return 'created'
    },
    get: async (key, io, range) =>
      passed.has(key) && objects.get(key) === undefined
        ? tombstone
        : await inner.get(key, io, range),
    list: async function* (prefix, io, after) {
      const infos = new Map(passed)
      for await (const info of inner.list(prefix, io, after)) infos.set(info.key, info)
      yield* listed(infos.values(), prefix, after)
    },
    delete: async (keys, io) =>
      await inner.delete(
        keys.filter(key => key.startsWith('data/')),
        io,
      ),
  }
})

/** Every vacuum takes its own seal for the one that stands. */
export const noSeal = mutate('no seal', 'vacuum', (inner, { now }) => {
  const own = new Map<Key, Uint8Array>()
  const isSeal = (key: string): boolean => /^gc\/\d+\/seal$/.test(key)
  return {
    putIfAbsent: async (key, bytes, io) => {
      if (!isSeal(key)) return await inner.putIfAbsent(key, bytes, io)
      own.set(key, Uint8Array.from(bytes))
      return 'created'
    },
    get: async (key, io, range) => {
      const seal = own.get(key)
      if (seal === undefined) return await inner.get(key, io, range)
      const from = range?.offset ?? 0
      return seal.slice(from, range === undefined ? undefined : from + range.lengthBytes)
    },
    list: async function* (prefix, io, after) {
      const infos = [...own].map(([key, { length }]) => ({
        key,
        sizeBytes: length,
        modified: new Date(now()),
      }))
      for await (const info of inner.list(prefix, io, after)) {
        if (!isSeal(info.key)) infos.push(info)
      }
      yield* listed(infos, prefix, after)
    },
  }
})

/** What `sessions/` or `gc/` held when it was last looked at. */
function createSnapshot(world: World, prefix: string) {
  let infos: readonly ObjectInfo[] | undefined
  const bytes = new Map<Key, Uint8Array>()
  return {
    take: (): void => {
      infos = world.objects.page(prefix, undefined, everything)
      for (const { key } of infos) bytes.set(key, world.objects.get(key) ?? new Uint8Array())
    },
    isTaken: (): boolean => infos !== undefined,
    list: (after?: Key) => listed(infos ?? [], prefix, after),
    bytes,
  }
}

/** The plans that a writer goes by are those from before its announcement. */
export const plansBeforeAnnouncing = mutate(
  'plans, then announcement',
  'writer',
  (inner, world) => {
    const plans = createSnapshot(world, 'gc/')
    return {
      putIfAbsent: async (key, bytes, io) => {
        if (key.startsWith('sessions/')) plans.take()
        return await inner.putIfAbsent(key, bytes, io)
      },
      list: (prefix, io, after) =>
        prefix === 'gc/' && plans.isTaken() ? plans.list(after) : inner.list(prefix, io, after),
    }
  },
)

/** The sessions that a vacuum waits for are those from before it published its plan. */
export const sessionsBeforePlan = mutate('sessions, then plan', 'vacuum', (inner, world) => {
  const sessions = createSnapshot(world, 'sessions/')
  return {
    putIfAbsent: async (key, bytes, io) => {
      if (/^gc\/\d+\/plan$/.test(key)) sessions.take()
      return await inner.putIfAbsent(key, bytes, io)
    },
    list: (prefix, io, after) =>
      prefix === 'sessions/' && sessions.isTaken()
        ? sessions.list(after)
        : inner.list(prefix, io, after),
    delete: async (keys, io) =>
      await inner.delete(
        keys.filter(key => key.startsWith('data/')),
        io,
      ),
  }
})

/** A vacuum knows the manifests that there were when it began, and no others. */
export const noReread = mutate('no reading again', 'vacuum', (inner, world) => {
  const manifests = createSnapshot(world, manifestPrefix)
  return {
    get: async (key, io, range) => {
      const bytes = await inner.get(key, io, range)
      const isLater = manifests.isTaken() && !manifests.bytes.has(key)
      return manifestName(key) !== undefined && isLater ? tombstone : bytes
    },
    list: (prefix, io, after) => {
      if (prefix === manifestPrefix && !manifests.isTaken()) manifests.take()
      return inner.list(prefix, io, after)
    },
  }
})

/** A reader looks whether its backup was forgotten, and then pins it. */
export const forgottenBeforePin = mutate('forgotten, then pin', 'reader', (inner, world) => {
  const forgotten = createSnapshot(world, 'forgotten/')
  return {
    putIfAbsent: async (key, bytes, io) => {
      if (key.startsWith('sessions/')) forgotten.take()
      return await inner.putIfAbsent(key, bytes, io)
    },
    get: async (key, io, range) => {
      const isLater = forgotten.isTaken() && !forgotten.bytes.has(key)
      if (key.startsWith('forgotten/') && isLater) throw notFound(inner.url, key)
      return await inner.get(key, io, range)
    },
  }
})

/** What a checkpoint does in place of: announce, read the plans, read the register of its run. */
type CheckpointFault = 'register, then plans' | 'plans only' | 'no look' | 'no session'

function checkpointMutant(fault: CheckpointFault): Mutant {
  return mutate(`checkpoint: ${fault}`, 'writer', (inner, world) => {
    let main: Key | undefined
    let register: Uint8Array | undefined
    let isCheckpoint = false
    let plans = createSnapshot(world, 'gc/')
    return {
      putIfAbsent: async (key, bytes, io) => {
        if (!key.startsWith('sessions/')) {
          if (manifestName(key) !== undefined) isCheckpoint = false
          return await inner.putIfAbsent(key, bytes, io)
        }
        const body: unknown = JSON.parse(Buffer.from(bytes).toString())
        isCheckpoint = isRecord(body) && body['kind'] === 'checkpoint'
        if (!isCheckpoint) {
          main = keyOf(`${manifestPrefix}${key.slice('sessions/'.length)}.manifest`)
          const outcome = await inner.putIfAbsent(key, bytes, io)
          plans = createSnapshot(world, 'gc/')
          plans.take()
          return outcome
        }
        if (fault === 'no session') {
          return world.objects.get(key) === undefined ? 'created' : 'exists'
        }
        const outcome = await inner.putIfAbsent(key, bytes, io)
        if (fault === 'register, then plans' && main !== undefined) {
          register = await inner.get(main, io).catch(() => undefined)
        }
        return outcome
      },
      get: async (key, io, range) => {
        if (!isCheckpoint || key !== main || fault === 'no session') {
          return await inner.get(key, io, range)
        }
        if (register === undefined) throw notFound(inner.url, key)
        return register
      },
      list: (prefix, io, after) =>
        isCheckpoint && prefix === 'gc/' && fault === 'no look'
          ? plans.list(after)
          : inner.list(prefix, io, after),
    }
  })
}

/** The first listing of sessions after a plan is the last: those that come later are never seen. */
const sessionsOnce = mutate('sessions once', 'vacuum', (inner, world) => {
  const sessions = createSnapshot(world, 'sessions/')
  let isPlanned = false
  return {
    putIfAbsent: async (key, bytes, io) => {
      const outcome = await inner.putIfAbsent(key, bytes, io)
      isPlanned ||= /^gc\/\d+\/plan$/.test(key)
      return outcome
    },
    list: (prefix, io, after) => {
      if (prefix !== 'sessions/' || !isPlanned) return inner.list(prefix, io, after)
      if (!sessions.isTaken()) sessions.take()
      return sessions.list(after)
    },
  }
})

/**
 * Vacuums list the sessions once more after they revoked some, which by itself makes this order safe:
 * only without that second listing, as the model has it, is it seen to be needed.
 */
const registerFirst = checkpointMutant('register, then plans')
export const registerBeforePlans: Mutant = {
  name: registerFirst.name,
  storage: (process, world) =>
    (process.role === 'vacuum' ? sessionsOnce : registerFirst).storage(process, world),
}
export const plansOnly = checkpointMutant('plans only')
export const noLook = checkpointMutant('no look')
export const noSession = checkpointMutant('no session')
