import type { Io } from '../base/io.ts'
import { checkScope, type PlanOptions } from './backup-options.ts'
import { createBlockTable } from './block-table.ts'
import { compileExclude } from './exclude.ts'
import { readGarbageState } from './garbage.ts'
import { BackupFile_Type } from './manifest_pb.ts'
import type { BackupName } from './names.ts'
import { chooseParents, type KnownContent, loadParents } from './parents.ts'
import { findRepository } from './repository.ts'
import { createScratch } from './scratch.ts'
import { surveyHost, walkHost } from './survey.ts'

/** Counts of regular files and their bytes. */
interface PlannedAmount {
  readonly files: number
  readonly bytes: number
  /** Files that must be read, because no backup has them as they are now. */
  readonly read_files: number
  readonly read_bytes: number
  /** Bytes of files that are unchanged. */
  readonly reused_bytes: number
}

/** What a backup made now would do. */
export interface BackupPlan extends PlannedAmount {
  /** `new`: the storage would become a repository. */
  readonly repository: 'new' | 'existing'
  readonly parent: BackupName | null
  /** The checkpoint of an earlier run that would be continued. */
  readonly continues: BackupName | null
  readonly hosts: readonly (PlannedAmount & { readonly host: string })[]
  readonly warnings: readonly string[]
}

/**
 * Looks at what a backup would read and reuse; the decision is made by the same code. Writes nothing,
 * neither on the hosts nor in the storage. What the storage lacks of a changed file is known only
 * when it was hashed, so all of it counts as read.
 * @throws usage.invalid, repository.*, storage.*, file.unreadable, ssh.*
 */
export async function planBackup(options: PlanOptions, io: Io): Promise<BackupPlan> {
  checkScope(options)
  const { storage, sources } = options
  const scratch = createScratch(options.scratchFolder)
  try {
    const repo = await findRepository(storage, io)
    const garbage = await readGarbageState(storage, io)
    const choice = options.parent ?? 'auto'
    const parents =
      repo === undefined ? undefined : await chooseParents(repo, choice, options.cluster, io)
    const hosts = new Set(sources.map(({ host }) => host))
    const known: KnownContent =
      repo === undefined || parents === undefined
        ? { live: createBlockTable(), filesOf: () => [], isSparse: () => false, warnings: [] }
        : await loadParents(repo, parents, hosts, garbage, scratch, io)
    const warnings = [...(parents?.warnings ?? []), ...known.warnings]
    const amounts: (PlannedAmount & { readonly host: string })[] = []
    for (const source of sources) {
      const warn = (warning: string): void => {
        warnings.push(warning)
      }
      const exclude = compileExclude(options.exclude ?? [])
      const walked = await walkHost({ source, exclude, scratch, warn }, io)
      const survey = surveyHost({ source, walked, known, garbage }, io)
      amounts.push({ host: source.host, ...(await count(survey)) })
    }
    return {
      repository: repo === undefined ? 'new' : 'existing',
      parent: parents?.parent?.name ?? null,
      continues: parents?.continues?.name ?? null,
      ...amounts.reduce(addAmounts, nothing),
      hosts: amounts,
      warnings,
    }
  } finally {
    await scratch.close()
  }
}

const nothing: PlannedAmount = {
  files: 0,
  bytes: 0,
  read_files: 0,
  read_bytes: 0,
  reused_bytes: 0,
}

async function count(survey: ReturnType<typeof surveyHost>): Promise<PlannedAmount> {
  let sum = nothing
  for await (const { file, decision } of survey) {
    if (file.type !== BackupFile_Type.FILE) continue
    const bytes = Number(file.size)
    const isRead = decision.kind === 'read'
    sum = addAmounts(sum, {
      files: 1,
      bytes,
      read_files: isRead ? 1 : 0,
      read_bytes: isRead ? bytes : 0,
      reused_bytes: isRead ? 0 : bytes,
    })
  }
  return sum
}

function addAmounts(a: PlannedAmount, b: PlannedAmount): PlannedAmount {
  return {
    files: a.files + b.files,
    bytes: a.bytes + b.bytes,
    read_files: a.read_files + b.read_files,
    read_bytes: a.read_bytes + b.read_bytes,
    reused_bytes: a.reused_bytes + b.reused_bytes,
  }
}
