import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatBytes } from '../../../base/units.ts'
import type {
  Fingerprint,
  NebulaBackupMetadata,
} from '../../../databases/nebula/backup-metadata.ts'
import type { CreatedBackup, MetaClient } from '../../../databases/nebula/contract.ts'
import { takeFingerprint } from '../../../databases/nebula/graph/fingerprint.ts'
import { checkpointKind } from '../../../databases/nebula/layout.ts'
import type { WritableSite } from '../../contract.ts'
import { createTimeoutMs } from '../dropping/create-timeout.ts'
import type { Dropping } from '../dropping/drop.ts'
import { instancesOf } from '../shared/cluster.ts'
import { blockedFor } from './blocked-for.ts'
import { type CheckedBackup, checkBackup } from './check.ts'
import { dropBroken } from './drop-broken.ts'
import { dropStrays } from './drop-strays.ts'
import type { BackupFacts } from './facts.ts'
import { afterFailure, settled } from './failure.ts'
import { awaitFreeName } from './free-name.ts'
import { metadataOf } from './metadata.ts'
import { tidyUpBefore } from './tidy-up.ts'

/** What making a backup works with. */
export interface Making extends Dropping {
  readonly site: WritableSite
  readonly facts: BackupFacts
  readonly timeout?: string
  readonly fingerprint?: boolean
  /** The intent of an earlier apply that was cut off. */
  readonly left?: unknown
}

/** A backup whose files are all there. */
export interface MadeBackup {
  readonly metadata: NebulaBackupMetadata
  readonly bytes: number
  readonly lines: readonly string[]
}

/**
 * Has metad make a backup, once, and looks at all of it; one that is not whole is dropped.
 * @throws nebula.backup_failed and what the client throws
 */
export async function makeBackup(making: Making, io: Io): Promise<MadeBackup> {
  const { site, client, cluster, facts } = making
  const before = await tidyUpBefore(making, making.left, 'backup', io)
  const { fingerprints, instances, allocated } = await prepare(making, io)
  const { created, blockedMs } = await createBackup(making, io)
  const { name } = created.meta
  requireNew(name, facts)
  try {
    const spaces = facts.spaces.map(space => space.name)
    const known = { allocated, instances, settings: cluster.settings, spaces }
    requireKind(name)
    const checked = await checkBackup(site.hosts, created, known, io)
    await requireValid(client, name, io)
    const strays = await dropStrays(
      making,
      { kind: 'backup', existing: [...facts.existing, name] },
      io,
    )
    const metadata = metadataOf(created, checked, {
      version: facts.version,
      all: facts.all,
      now: site.run.clock.now(),
      blockedMs,
      instances,
      storageds: await client.listHosts('storage', io),
      fingerprints,
    })
    const bytes = bytesOf(checked)
    return { metadata, bytes, lines: [...before, ...strays, ...linesOf(metadata, checked, bytes)] }
  } catch (thrown) {
    throw await dropBroken(thrown, making, name, io)
  }
}

/** Before anything is blocked: a job that counts would be refused, or refuse the backup, meanwhile. */
async function fingerprintsOf(
  { client, cluster, facts, site, fingerprint, timeout }: Making,
  io: Io,
): Promise<Readonly<Record<string, Fingerprint>>> {
  if (fingerprint !== true) return {}
  if (client.graph === undefined) {
    throw new BkpError('schema.invalid', `cluster "${cluster.name}" has no graphd to count with`, {
      hint: 'add hosts of the role graphd, or leave fingerprint out',
    })
  }
  const spaces = facts.spaces.map(({ name }) => name)
  const timeoutMs = createTimeoutMs(cluster.settings, timeout)
  return await takeFingerprint(client.graph, { spaces, timeoutMs, clock: site.run.clock }, io)
}

/** What fails here leaves nothing. */
async function prepare(making: Making, io: Io) {
  const { site, client, cluster, facts } = making
  try {
    await awaitFreeName(site.run.clock, 'backup', facts.existing, io)
    const fingerprints = await fingerprintsOf(making, io)
    const instances = await instancesOf(site, cluster.name, io)
    return { fingerprints, instances, allocated: await client.listHosts('alloc', io) }
  } catch (thrown) {
    throw settled(asBkpError(thrown))
  }
}

async function createBackup(
  making: Making,
  io: Io,
): Promise<{ readonly created: CreatedBackup; readonly blockedMs: number }> {
  const { client, cluster, facts, timeout, site } = making
  const { clock } = site.run
  const startedMs = clock.monotonicMs()
  try {
    const created = await client.createBackup(
      {
        ...(facts.all ? {} : { spaces: facts.spaces.map(({ name }) => name) }),
        timeoutMs: createTimeoutMs(cluster.settings, timeout),
      },
      io,
    )
    return { created, blockedMs: Math.round(clock.monotonicMs() - startedMs) }
  } catch (thrown) {
    throw await afterFailure(thrown, making, { ...facts, kind: 'backup' }, io)
  }
}

/** A name becomes part of paths: it must be one. */
function requireKind(name: string): void {
  if (checkpointKind(name) === 'backup') return
  throw new BkpError('nebula.protocol', `metad calls its backup ${JSON.stringify(name)}`)
}

/** Not dropped where it is not: somebody may be reading the files of that name. */
function requireNew(name: string, { existing }: BackupFacts): void {
  if (!existing.includes(name)) return
  throw new BkpError(
    'nebula.backup_failed',
    `${name} was there before: metad has written over its files, and it is left to whoever made it`,
    { hint: "metad's clock was set back; run it again" },
  )
}

async function requireValid(client: MetaClient, name: string, io: Io): Promise<void> {
  const row = (await client.listSnapshots(io)).find(each => each.name === name)
  if (row?.status === 'valid') return
  throw new BkpError(
    'nebula.backup_failed',
    `metad made ${name}, but ${row === undefined ? 'does not list it' : 'lists it as INVALID'}`,
    { hint: 'metads may have changed their leader meanwhile: run it again' },
  )
}

function bytesOf({ checkpoints, wals, meta }: CheckedBackup): number {
  return [...checkpoints, ...wals].reduce((sum, { bytes }) => sum + bytes, meta.bytes)
}

function linesOf(
  { name, spaces, blocked_ms: blockedMs }: NebulaBackupMetadata,
  { checkpoints }: CheckedBackup,
  bytes: number,
): readonly string[] {
  const storageds = new Set(checkpoints.map(({ address }) => address)).size
  const ssts = checkpoints.reduce((sum, each) => sum + each.ssts, 0)
  const linked = checkpoints.reduce((sum, each) => sum + each.linked, 0)
  return [
    `${name}: ${spaces.length} spaces of ${storageds} storageds, ${checkpoints.length} checkpoints, ${formatBytes(bytes)}`,
    `writes were blocked for at most ${blockedFor(blockedMs)}`,
    ...(ssts > 0 && linked === 0
      ? ['no SST is a hard link: checkpoints are copies, and all of them is read each time']
      : []),
  ]
}
