import { quietIo } from '../../../src/base/io.ts'
import { decodeManifest, isTombstone, sha256 } from '../../../src/repository/manifest.ts'
import { BackupManifest_State } from '../../../src/repository/manifest_pb.ts'
import {
  type BackupName,
  blockKey,
  dataPrefix,
  forgottenPrefix,
  manifestKey,
  manifestName,
  parseBlockKey,
} from '../../../src/repository/names.ts'
import { namedBlocks, readBlockList, readFileEntries } from '../../../src/repository/read.ts'
import type { Backup, Repository } from '../../../src/repository/repository.ts'
import type { Key, ReadOnlyStorage } from '../../../src/storage/contract.ts'
import { notFound } from '../../../src/storage/memory.ts'
import { treeOf } from '../support.ts'
import type { Change, Objects } from './objects.ts'
import { violation } from './violation.ts'

/** What a run of a writer saw of its host: path and what is there, as `MemoryHost.tree` says it. */
export type Seen = ReadonlyMap<string, string>

/** The host of every simulated backup. */
export const hostName = 'db1'

/** The label by which a manifest tells whose run it is of. */
export const runLabel = 'run'

/** What must be true of the repository, held against every change of it. */
export interface Ledger {
  /** Says what the run of that number backs up. */
  expect(run: string, seen: Seen): void
  /** Looks at all that changed. @throws Violation */
  inspect(changes: readonly Change[]): Promise<void>
  /** Live backups, partial ones too. */
  live(): readonly BackupName[]
  isLive(name: BackupName): boolean
  /** Whether a register holds a tombstone. */
  isRevoked(name: BackupName): boolean
  /** What a backup that was ever committed must restore to. */
  seenBy(name: BackupName): Seen | undefined
  /** Blocks that live backups name. */
  needed(): ReadonlySet<Key>
  /** Reads every live backup, byte by byte. @throws Violation */
  restoreAll(): Promise<void>
}

interface Committed {
  readonly backup: Backup
  readonly blocks: readonly Key[]
}

export function createLedger(objects: Objects): Ledger {
  const expected = new Map<string, Seen>()
  const committed = new Map<BackupName, Committed>()
  const revoked = new Set<BackupName>()
  const forgotten = new Set<BackupName>()
  const repo = repositoryOf(objects)

  const isLive = (name: BackupName): boolean => committed.has(name) && !forgotten.has(name)

  const commit = async (name: BackupName, bytes: Uint8Array): Promise<void> => {
    const manifest = decodeManifest(bytes, name)
    if (isTombstone(manifest)) {
      revoked.add(name)
      return
    }
    const backup = { name, manifest }
    // A backup that names what is not there was lost before it was made.
    const blocks = namedBlocks(manifest).map(blockKey)
    checkThere(name, blocks)
    const listed = new Set<Key>()
    for await (const block of readBlockList(repo, backup, quietIo)) listed.add(blockKey(block))
    checkThere(name, [...listed])
    for await (const file of readFileEntries(repo, backup, quietIo)) {
      for (const block of file.blocks) {
        if (listed.has(blockKey(block))) continue
        throw violation('manifest', `${name} does not list ${blockKey(block)}, which a file names`)
      }
    }
    committed.set(name, { backup, blocks: [...blocks, ...listed] })
    if (isLive(name)) await restore({ backup })
  }

  const checkThere = (name: BackupName, blocks: readonly Key[]): void => {
    for (const key of blocks) {
      if (objects.get(key) === undefined) throw violation('loss', `${name} lost ${key}`)
    }
  }

  const restore = async ({ backup }: Pick<Committed, 'backup'>): Promise<void> => {
    const { name, manifest } = backup
    const seen = expected.get(manifest.backupMeta?.labels[runLabel] ?? '')
    if (seen === undefined) throw violation('restore', `nobody made backup ${name}`)
    const tree = await treeOf(repo, backup, hostName)
    const isPartial = manifest.state === BackupManifest_State.PARTIAL
    for (const [path, what] of isPartial ? tree : seen) {
      const other = isPartial ? seen.get(path) : tree.get(path)
      if (other !== what) throw violation('restore', `${name}: ${path} is ${other}, not ${what}`)
    }
    if (!isPartial && tree.size !== seen.size) {
      throw violation('restore', `${name} restores to ${tree.size} files, not ${seen.size}`)
    }
  }

  const inspectOne = async ({ key, before, after }: Change): Promise<boolean> => {
    const name = manifestName(key)
    if (name !== undefined) {
      if (before !== undefined || after === undefined) {
        throw violation('register', `${key} was set and changed`)
      }
      await commit(name, after)
    } else if (key.startsWith(forgottenPrefix)) {
      if (after === undefined) throw violation('register', `${key} was deleted`)
      forgotten.add(key.slice(forgottenPrefix.length))
    } else if (key.startsWith('gc/')) {
      if (before !== undefined || after === undefined) {
        throw violation('register', `${key} was set and changed`)
      }
    } else if (key.startsWith('sessions/') && after === undefined) {
      const session = key.slice('sessions/'.length)
      if (objects.get(manifestKey(session)) === undefined) {
        throw violation('register', `${key} was deleted before its register was set`)
      }
    } else if (key.startsWith(dataPrefix)) {
      const id = after === undefined ? undefined : Buffer.from(sha256(after)).toString('hex')
      if (id !== undefined && id !== parseBlockKey(key)?.blockId) {
        throw violation('block', `${key} was given other bytes`)
      }
      return after === undefined
    }
    return false
  }

  return Object.freeze({
    expect: (run, seen) => {
      expected.set(run, seen)
    },
    inspect: async changes => {
      let hasDeleted = false
      for (const change of changes) hasDeleted = (await inspectOne(change)) || hasDeleted
      if (!hasDeleted) return
      for (const [name, { blocks }] of committed) if (isLive(name)) checkThere(name, blocks)
    },
    live: () => [...committed.keys()].filter(isLive),
    isLive,
    isRevoked: name => revoked.has(name),
    seenBy: name =>
      expected.get(committed.get(name)?.backup.manifest.backupMeta?.labels[runLabel] ?? 'nobody'),
    needed: () =>
      new Set([...committed].flatMap(([name, { blocks }]) => (isLive(name) ? blocks : []))),
    restoreAll: async () => {
      for (const [name, one] of committed) if (isLive(name)) await restore(one)
    },
  } satisfies Ledger)
}

/** The repository as it is at this instant. */
function repositoryOf(objects: Objects): Repository {
  const url = 'memory://ledger'
  const storage: ReadOnlyStorage = {
    url,
    capabilities: { atomicCreate: true, presign: false, overwrite: true },
    get: async key => {
      const bytes = objects.get(key)
      if (bytes === undefined) throw notFound(url, key)
      return bytes
    },
    list: async function* (prefix, _io, after) {
      yield* objects.page(prefix, after, Number.POSITIVE_INFINITY)
    },
  }
  return { id: 'ledger', format: 1, url, storage }
}
