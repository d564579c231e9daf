import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import {
  answeringMetad,
  type MetaCheckpoint,
  verifyMetaFiles,
} from '../../../databases/nebula/checkpoints/meta-files.ts'
import {
  type Verified,
  verifyCheckpoints,
  type WholeCheckpoint,
} from '../../../databases/nebula/checkpoints/verify.ts'
import { findWalLinks, type WalLinks } from '../../../databases/nebula/checkpoints/wal-links.ts'
import { type Wanted, wantedCheckpoints } from '../../../databases/nebula/checkpoints/wanted.ts'
import type { CreatedBackup, ServiceHost } from '../../../databases/nebula/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'

/** Everything that a backup is on the hosts, looked at and whole. */
export interface CheckedBackup {
  readonly checkpoints: readonly WholeCheckpoint[]
  readonly wals: readonly WalLinks[]
  readonly meta: MetaCheckpoint
}

/**
 * Looks at every host, space and data path: createBackup answers before anyone has seen the files.
 * @throws nebula.backup_failed with what is missing, nebula.topology, nebula.protocol, ssh.*
 */
export async function checkBackup(
  hosts: readonly ReadOnlyHost[],
  created: CreatedBackup,
  known: {
    readonly allocated: readonly ServiceHost[]
    readonly instances: readonly Instance[]
    readonly settings: NebulaSettings
    /** Names of spaces that the backup must have. */
    readonly spaces: readonly string[]
  },
  io: Io,
): Promise<CheckedBackup> {
  const { allocated, instances, settings } = known
  const { meta } = created
  const names = new Set(meta.spaces.map(({ description }) => description.name))
  const missing = known.spaces.filter(name => !names.has(name))
  const named = meta.spaces.map(({ id, description: { name }, hosts: on }) => ({
    id,
    name,
    hosts: on,
  }))
  const made = { name: meta.name, spaces: named }
  const wanted = wantedCheckpoints(made, allocated, instances, settings)
  const metad = answeringMetad(created, instances)
  const metadHost = hosts.find(({ name }) => name === metad.hostName)
  if (metadHost === undefined) throw failed([`${metad.hostName} does not take part`], meta.name)
  const [verified, ofMeta, wals] = await Promise.all([
    Promise.all(hosts.map(host => verifyCheckpoints(host, wanted, io))),
    verifyMetaFiles(metadHost, metad, created, io),
    findWalLinks(hosts, meta, wanted, instances, io),
  ])
  const checkpoints = requireWhole(made.name, wanted, verified, [
    ...missing.map(name => `the reply has no space ${name}`),
    ...ofMeta.problems,
  ])
  return { checkpoints, wals, meta: ofMeta.checkpoint }
}

/**
 * The checkpoints of all hosts, where all are whole and each storaged has one of each of its spaces.
 * @throws nebula.backup_failed
 */
export function requireWhole(
  name: string,
  wanted: Wanted,
  verified: readonly Verified[],
  others: readonly string[],
): readonly WholeCheckpoint[] {
  const checkpoints = verified.flatMap(({ whole }) => whole)
  const problems = [...others, ...verified.flatMap(each => each.problems)]
  const empty = wanted.checkpoints.filter(
    ({ address, space }) =>
      !checkpoints.some(each => each.address === address && each.space === space),
  )
  if (problems.length === 0) {
    problems.push(...empty.map(({ host, path }) => `${host}: ${path} is not there`))
  }
  if (problems.length > 0) throw failed([...new Set(problems)], name)
  return checkpoints
}

const mostTold = 10

function failed(problems: readonly string[], name: string): BkpError {
  const told = problems.slice(0, mostTold)
  const more = problems.length - told.length
  return new BkpError(
    'nebula.backup_failed',
    `${name} is not whole: ${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    { hint: 'the logs of these storageds say why; then run it again', details: { problems } },
  )
}
