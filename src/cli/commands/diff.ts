import { exitCodes } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import { formatBytes } from '../../base/units.ts'
import { createStyle, type Style, wantsColor } from '../../report/style.ts'
import { resolveBackup, summarize } from '../../repository/catalogue.ts'
import { type Difference, diffBackups } from '../../repository/diff/diff.ts'
import { countDifferences, type DiffTotals } from '../../repository/diff/totals.ts'
import { fileScope } from '../../repository/extract/scope.ts'
import type { BackupFile } from '../../repository/manifest_pb.ts'
import type { Backup } from '../../repository/repository.ts'
import { type FileView, viewFile } from '../../repository/views.ts'
import type { CliCommand } from '../command.ts'
import { addPlaceFlags, backupQuery, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { withProgress } from '../progress.ts'
import { writeText } from '../write-text.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly host?: string
  readonly path?: string
  readonly json?: boolean
}

export const diffCommand: CliCommand = {
  name: 'diff',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<storage>', 'a storage URL, or a name from the inventory')
        .argument('<a>', 'the earlier one: a name, the beginning of one, or latest')
        .argument('<b>', 'the later one'),
    )
      .option('--path <path>', 'only what lies there and below, as the backups name it')
      .option('--host <name>', 'only the files of this host')
      .option('--cluster <name>', 'whose latest, where the storage holds several clusters')
      .option('--json', 'print JSON')
      .action((place: string, first: string, second: string, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const { stdout } = terminal
          const scope = fileScope(flags.host, flags.path)
          const repo = await openRepositoryAt(place, flags, context)
          const style = createStyle(wantsColor(stdout.isTerminal, terminal.environment))
          // What is found is told as it comes: a line of progress would be in its way.
          const work = async (io: Parameters<typeof resolveBackup>[2]): Promise<void> => {
            const a = await resolveBackup(repo, backupQuery(first, flags.cluster), io)
            const b = await resolveBackup(repo, backupQuery(second, flags.cluster), io)
            const found = diffBackups(repo, { a, b }, scope, io)
            const text = flags.json ? jsonText(a, b, found) : plainText(a, b, found, style)
            await writeText(stdout, text)
          }
          await withProgress(context, 'diff', ({ io }) => work(io), { silent: true })
          return exitCodes.done
        }),
      )
  },
}

async function* jsonText(
  a: Backup,
  b: Backup,
  found: AsyncIterable<Difference>,
): AsyncGenerator<string> {
  const counts = countDifferences()
  yield `{"a":${summaryOf(a)},"b":${summaryOf(b)},"changes":[`
  let separator = ''
  for await (const difference of found) {
    counts.add(difference)
    yield `${separator}\n${JSON.stringify(viewDifference(difference))}`
    separator = ','
  }
  yield `\n],"totals":${JSON.stringify(counts.totals())}}\n`
}

async function* plainText(
  a: Backup,
  b: Backup,
  found: AsyncIterable<Difference>,
  style: Style,
): AsyncGenerator<string> {
  const counts = countDifferences()
  for await (const difference of found) {
    counts.add(difference)
    yield `${line(difference, style)}\n`
  }
  yield sums(a.name, b.name, counts.totals())
}

function summaryOf({ name, manifest }: Backup): string {
  return JSON.stringify(summarize(name, manifest, false))
}

type View = Omit<FileView, 'blocks'>

function viewDifference({ change, what, before, after }: Difference): {
  readonly change: Difference['change']
  readonly what: Difference['what']
  readonly before?: View
  readonly after?: View
} {
  return {
    change,
    what,
    ...(before === undefined ? {} : { before: viewOf(before) }),
    ...(after === undefined ? {} : { after: viewOf(after) }),
  }
}

function viewOf(file: BackupFile): View {
  const { blocks: _, ...view } = viewFile(file)
  return view
}

const signs = { added: '+', removed: '-', changed: '~' } as const
const paints = { added: 'ok', removed: 'failed', changed: 'changed' } as const

/** Sign, size as it is now (or was), place; at the end, in what it differs. */
function line({ change, what, before, after }: Difference, style: Style): string {
  const file = after ?? before
  if (file === undefined) return ''
  const view = viewFile(file)
  const size = view.type === 'file' ? formatBytes(view.size) : view.type
  const place = escapeControls(`${view.host}:${view.path}`, { newlines: false })
  const words =
    before === undefined || after === undefined
      ? []
      : what.map(kind => reason(kind, viewFile(before), viewFile(after)))
  const why = words.length === 0 ? '' : `  ${style.dim(`(${words.join(', ')})`)}`
  return `${style[paints[change]](signs[change])} ${size.padStart(9)}  ${place}${why}`
}

function reason(kind: Difference['what'][number], before: FileView, after: FileView): string {
  switch (kind) {
    case 'content':
      return before.size === after.size ? 'content' : `was ${formatBytes(before.size)}`
    case 'mode':
      return `mode ${before.mode}, now ${after.mode}`
    case 'owner':
      return escaped(`${before.user}:${before.group}, now ${after.user}:${after.group}`)
    case 'target':
      return escaped(`led to ${before.target ?? ''}, now to ${after.target ?? ''}`)
    default:
      return `was a ${before.type}`
  }
}

function escaped(text: string): string {
  return escapeControls(text, { newlines: false })
}

function sums(a: string, b: string, totals: readonly DiffTotals[]): string {
  if (totals.length === 0) return `nothing differs between ${a} and ${b}\n`
  return totals
    .map(
      own =>
        `${escaped(own.host)}: ${own.added} added (${formatBytes(own.added_bytes)}), ` +
        `${own.removed} removed (${formatBytes(own.removed_bytes)}), ` +
        `${own.changed} changed (${formatBytes(own.changed_bytes)})\n`,
    )
    .join('')
}
