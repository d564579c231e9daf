import { escapeControls } from '../base/text.ts'
import { formatBytes, formatDuration } from '../base/units.ts'
import type {
  OpenVacuum,
  VacuumPlan,
  VacuumResult,
  Verdict,
  WaitedFor,
} from '../repository/vacuum/vacuum.ts'
import { textTable } from './text-table.ts'

/** `bkp vacuum --json` (design §8) of a run. Times in ISO 8601, sizes in bytes. */
export function resultJson(result: VacuumResult): Readonly<Record<string, unknown>> {
  return {
    forgotten: result.forgotten,
    kept: result.kept,
    deleted_blocks: result.deleted_blocks,
    deleted_bytes: result.deleted_bytes,
    state: result.state,
    number: result.number,
    quarantine_left_seconds: Math.ceil(result.quarantineLeftMs / 1000),
    waiting: result.waiting,
    revoked: result.revoked,
    notes: result.notes,
  }
}

/** The same of a dry run: `forgotten` is what would be, and nothing was deleted. */
export function planJson(plan: VacuumPlan): Readonly<Record<string, unknown>> {
  return {
    dry_run: true,
    forgotten: plan.forgotten,
    kept: plan.kept,
    deleted_blocks: 0,
    deleted_bytes: 0,
    state: plan.open?.state ?? 'none',
    freeable_blocks: plan.freeable_blocks,
    freeable_bytes: plan.freeable_bytes,
    to_confirm: plan.losses,
    ...(plan.open === undefined
      ? {}
      : {
          number: plan.open.number,
          quarantine_left_seconds: Math.ceil(plan.open.quarantineLeftMs / 1000),
        }),
    waiting: plan.waiting,
    notes: plan.notes,
  }
}

/** What a run did, for people. */
export function resultText(result: VacuumResult): string {
  const lines = [
    ...result.revoked.map(session => `revoked ${describe(session)}: it gave no sign of life`),
    ...result.notes,
    ...(result.deleted_blocks > 0 || result.state === 'closed'
      ? [`deleted ${amount(result.deleted_blocks, result.deleted_bytes)}`]
      : []),
    ...(result.state === 'none' ? ['nothing to delete: every block is needed'] : []),
    ...(result.state === 'planned' ? plannedLines(result.number, result) : []),
  ]
  const table = verdictTable(result.verdicts, { forget: 'forgotten', keep: 'kept' })
  return [...table, ...lines.map(plain)].join('\n')
}

/** What a run would do, for people. */
export function planText(plan: VacuumPlan): string {
  const { open } = plan
  const lines = [
    ...plan.notes,
    ...plan.losses.map(loss => `${loss} would go: that needs --confirm`),
    `${amount(plan.freeable_blocks, plan.freeable_bytes)} would be needed by no backup any more`,
    ...(open === undefined
      ? plan.waiting.map(session => `at work: ${describe(session)}`)
      : openLines(open, plan)),
    'nothing was written: this is a dry run',
  ]
  const table = verdictTable(plan.verdicts, { forget: 'forget', keep: 'keep' })
  return [...table, ...lines.map(plain)].join('\n')
}

/** What a repository says goes to the screen without its control characters. */
const plain = (line: string): string => escapeControls(line, { newlines: false })

function openLines(open: OpenVacuum, { waiting }: VacuumPlan): readonly string[] {
  if (open.state === 'planned') return plannedLines(open.number, { ...open, waiting })
  return [
    `vacuum ${open.number} is sealed: the next run deletes the rest of its ${open.blocks} blocks`,
  ]
}

function plannedLines(
  number: number,
  { quarantineLeftMs, waiting }: Pick<VacuumResult, 'quarantineLeftMs' | 'waiting'>,
): readonly string[] {
  const when =
    quarantineLeftMs > 0
      ? `a run deletes in ${formatDuration(quarantineLeftMs)} at the earliest; until then --cancel`
      : waiting.length > 0
        ? 'a run deletes once these have ended'
        : 'the next run deletes'
  return [
    `vacuum ${number} is planned: ${when}`,
    ...waiting.map(session => `waits for ${describe(session)}`),
  ]
}

function describe({ kind, session, source, pid, since }: WaitedFor): string {
  const process = pid === undefined ? '' : `, pid ${pid}`
  return `${kind} ${session} of ${source}${process}, since ${since.toISOString()}`
}

function verdictTable(
  verdicts: readonly Verdict[],
  words: { readonly forget: string; readonly keep: string },
): readonly string[] {
  if (verdicts.length === 0) return ['no backups']
  const rows = verdicts.map(({ name, time, cluster, forget, why }) => [
    name,
    `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `${cluster.name} (${cluster.kind})`,
    forget ? words.forget : words.keep,
    why,
  ])
  return [textTable(['BACKUP', 'TIME', 'CLUSTER', '', 'WHY'], rows)]
}

function amount(blocks: number, bytes: number): string {
  return `${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${formatBytes(bytes)}`
}
