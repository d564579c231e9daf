import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { searchTree } from '../../../connection/probes.ts'
import { addressText, type CreatedBackup } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { metaCheckpointFolder } from '../layout.ts'
import { listingOf } from './rocksdb.ts'

/** The SSTs of a backup's meta tables: on the metad that answered, and on no other. */
export interface MetaCheckpoint {
  readonly host: string
  readonly address: string
  readonly path: string
  /** Base names. */
  readonly files: readonly string[]
  readonly bytes: number
}

const metaFilePattern = /^__[a-z0-9_]+__\.sst$/

/** The metad that answered, among the services of the inventory. @throws nebula.topology */
export function answeringMetad(
  { answeredBy }: Pick<CreatedBackup, 'answeredBy'>,
  instances: readonly Instance[],
): Instance {
  const found = instances.find(
    ({ role, address }) => role === 'metad' && addressText(address) === addressText(answeredBy),
  )
  if (found !== undefined) return found
  throw new BkpError(
    'nebula.topology',
    `metad ${addressText(answeredBy)} answered and is none of the inventory's: its files cannot be read`,
    { hint: 'add its host to the role metad, or give its address under instances.metad' },
  )
}

/**
 * Looks for the files that the reply names in the checkpoint of that metad (specs/nebula.md §2.0, 10).
 * @throws nebula.protocol for names that are none, ssh.*; what is missing is said in words
 */
export async function verifyMetaFiles(
  host: ReadOnlyHost,
  metad: Instance,
  { meta }: Pick<CreatedBackup, 'meta'>,
  io: Io,
): Promise<{ readonly checkpoint: MetaCheckpoint; readonly problems: readonly string[] }> {
  const [folder = ''] = metad.dataDirs
  const path = metaCheckpointFolder(folder, meta.name)
  const names = meta.metaFiles.map(each => posix.basename(each))
  const odd = names.find(name => !metaFilePattern.test(name))
  if (odd !== undefined) {
    throw new BkpError(
      'nebula.protocol',
      `metad names ${JSON.stringify(odd)} as a file of its meta`,
    )
  }
  const { tree } = await host.ask({ tree: searchTree(path, { depth: 1 }) }, io)
  const { files, faults } = listingOf(path, tree)
  const missing = names.filter(name => (files.get(name)?.sizeBytes ?? 0) === 0)
  const wrong = [
    ...faults,
    ...(names.length === 0 ? ['metad names no files of its meta'] : []),
    ...missing.map(name => `${name} is missing or empty`),
  ]
  const bytes = names.reduce((sum, name) => sum + (files.get(name)?.sizeBytes ?? 0), 0)
  return {
    checkpoint: { host: host.name, address: addressText(metad.address), path, files: names, bytes },
    problems: wrong.map(what => `${host.name}: ${path}: ${what}`),
  }
}
