import type { Io } from '../../../base/io.ts'
import { formatBytes } from '../../../base/units.ts'
import { planOwn } from '../../../repository/restore/own/plan-own.ts'
import { ownStagePlaces, stageOwn } from '../../../repository/restore/own/stage-own.ts'
import type { OwnTree, PlannedOwnTree } from '../../../repository/restore/own/trees.ts'
import { stageId } from '../../../repository/restore/staging.ts'
import type { Change, Decision, WritableSite } from '../../contract.ts'

/** What a stage of own trees returns: what repository.swap and its kin take. */
export interface OwnStageResult {
  readonly id: string
  readonly backup: string
  readonly hosts: Record<string, { target: string; staged: string; old: string }[]>
  readonly fetch_bytes: number
}

/** What stands in place of a backup, and what is to be built. */
export interface OwnStageFacts {
  readonly name: string
  readonly trees: readonly PlannedOwnTree[]
}

/** What building these trees would do. Pure. */
export function decideOwnStage({
  name,
  trees,
}: OwnStageFacts): Decision<OwnStageFacts, OwnStageResult> {
  const wanted = trees.filter(({ isThere }) => !isThere)
  const [first, ...others] = wanted.map(describe)
  if (first === undefined) {
    const result = { id: '', backup: name, hosts: {}, fetch_bytes: 0 }
    return { kind: 'unchanged', result, message: 'everything is as it has to be' }
  }
  return {
    kind: 'change',
    changes: [first, ...others],
    after: {},
    result: { backup: name, fetch_bytes: transferred(wanted) },
    binding: {
      name,
      targets: wanted.map(({ host, live, content }) => `${host}:${live.path} ${content.kind}`),
    },
  }
}

function describe({
  host,
  live,
  content,
  files,
  copiedBytes,
  linkedBytes,
}: PlannedOwnTree): Change {
  const counts = `${files} files: ${formatBytes(copiedBytes)} copied, ${formatBytes(linkedBytes)} linked`
  const notes =
    content.kind === 'folder'
      ? ['an empty folder takes its place']
      : content.kind === 'copy'
        ? [`from ${content.from}`, counts]
        : [`from ${content.from} on ${content.fromHost}`, counts]
  return {
    action: live.exists ? 'update' : 'create',
    target: `${live.path} (staged beside it)`,
    host,
    ...(content.kind === 'transfer' ? { bytes: copiedBytes } : {}),
    notes:
      live.layout === 'children'
        ? [...notes, 'a mount point: what it holds is swapped one by one']
        : notes,
  }
}

/** Looks again, and builds them: between plan and apply hosts may have changed. */
export async function applyOwnStage(
  site: WritableSite,
  name: string,
  trees: readonly OwnTree[],
  io: Io,
): Promise<OwnStageResult> {
  const id = stageId(site.run.id, site.run.step)
  const planned = await planOwn(site.hosts, trees, io)
  const staged = await stageOwn({ id, run: site.run.id, name }, site.hosts, planned, io)
  const places = ownStagePlaces(id, planned)
  const hosts = Object.fromEntries(
    Object.keys(places).map(host => [host, (staged[host] ?? []).map(tree => ({ ...tree }))]),
  )
  return { id, backup: name, hosts, fetch_bytes: transferred(planned) }
}

function transferred(trees: readonly PlannedOwnTree[]): number {
  return trees.reduce(
    (sum, { content, copiedBytes }) => sum + (content.kind === 'transfer' ? copiedBytes : 0),
    0,
  )
}
