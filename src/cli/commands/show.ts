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

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly json?: boolean
}

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
          if (flags.json) {
            // Streamed: a backup may hold millions of files.
            terminal.stdout.write(`${JSON.stringify(summary).slice(0, -1)},"entries":[`)
            let first = true
            for await (const file of files) {
              terminal.stdout.write(`${first ? '' : ','}\n${JSON.stringify(viewFile(file))}`)
              first = false
            }
            terminal.stdout.write('\n]}\n')
            return exitCodes.done
          }
          terminal.stdout.write(
            `${found.name}  ${summary.cluster.name} (${summary.cluster.kind})  ${summary.state}, ${summary.kind}` +
              `  ${summary.files} files, ${formatBytes(summary.bytes)}, ${formatBytes(summary.new_bytes)} new\n`,
          )
          for await (const file of files) terminal.stdout.write(`${line(viewFile(file))}\n`)
          return exitCodes.done
        }),
      )
  },
}

const letters = { file: '-', directory: 'd', symlink: 'l' } as const

function line(file: FileView): string {
  const target = file.target === undefined ? '' : ` -> ${file.target}`
  const path = escapeControls(`${file.path}${target}`, { newlines: false })
  return `${letters[file.type]}${file.mode}  ${formatBytes(file.size).padStart(9)}  ${file.host}:${path}`
}
