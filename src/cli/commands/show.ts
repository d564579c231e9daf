import { exitCodes } from '../../base/errors.ts'
import { quietIo } from '../../base/io.ts'
import { escapeControls } from '../../base/text.ts'
import { formatBytes } from '../../base/units.ts'
import { resolveBackup, summarize } from '../../repository/catalogue.ts'
import { readFileEntries } from '../../repository/read.ts'
import type { FileView } from '../../repository/views.ts'
import { viewFile } from '../../repository/views.ts'
import type { CliCommand } from '../command.ts'
import { addPlaceFlags, backupQuery, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { writeText } from '../write-text.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly json?: boolean
}

type FileOfBackup = Parameters<typeof viewFile>[0]

export const showCommand: CliCommand = {
  name: 'show',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<storage>', 'a storage URL, or a name from the inventory')
        .argument('[backup]', 'a name, the beginning of one, or latest', 'latest'),
    )
      .option('--cluster <name>', 'whose latest, where the storage holds several clusters')
      .option('--json', 'print JSON')
      .action((place: string, backup: string, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const repository = await openRepositoryAt(place, flags, context)
          const found = await resolveBackup(repository, backupQuery(backup, flags.cluster), quietIo)
          const summary = summarize(found.name, found.manifest, false)
          const files = readFileEntries(repository, found, quietIo)
          const text = flags.json
            ? jsonText(JSON.stringify(summary), files)
            : plainText(
                `${found.name}  ${summary.cluster.name} (${summary.cluster.kind})  ${summary.state}, ${summary.kind}` +
                  `  ${summary.files} files, ${formatBytes(summary.bytes)}, ${formatBytes(summary.new_bytes)} new\n`,
                files,
              )
          await writeText(terminal.stdout, text)
          return exitCodes.done
        }),
      )
  },
}

async function* jsonText(
  summary: string,
  files: AsyncIterable<FileOfBackup>,
): AsyncGenerator<string> {
  yield `${summary.slice(0, -1)},"entries":[`
  let separator = ''
  for await (const file of files) {
    yield `${separator}\n${JSON.stringify(viewFile(file))}`
    separator = ','
  }
  yield '\n]}\n'
}

async function* plainText(
  title: string,
  files: AsyncIterable<FileOfBackup>,
): AsyncGenerator<string> {
  yield title
  for await (const file of files) yield `${line(viewFile(file))}\n`
}

const letters = { file: '-', directory: 'd', symlink: 'l' } as const

function line(file: FileView): string {
  const target = file.target === undefined ? '' : ` -> ${file.target}`
  const path = escapeControls(`${file.path}${target}`, { newlines: false })
  return `${letters[file.type]}${file.mode}  ${formatBytes(file.size).padStart(9)}  ${file.host}:${path}`
}
