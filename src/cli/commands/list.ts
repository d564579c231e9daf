import { exitCodes } from '../../base/errors.ts'
import { quietIo } from '../../base/io.ts'
import { formatBytes } from '../../base/units.ts'
import { type BackupSummary, listBackups } from '../../repository/catalogue.ts'
import type { CliCommand } from '../command.ts'
import { addPlaceFlags, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { textTable } from '../text-table.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly json?: boolean
}

export const listCommand: CliCommand = {
  name: 'list',
  register: (command, run) => {
    addPlaceFlags(command.argument('<storage>', 'a storage URL, or a name from the inventory'))
      .option('--cluster <name>', 'only backups of this cluster')
      .option('--json', 'print JSON')
      .action((place: string, flags: Flags) =>
        run(async context => {
          const repository = await openRepositoryAt(place, flags, context)
          const { backups: all, damaged } = await listBackups(repository, quietIo)
          const backups = all.filter(
            backup => flags.cluster === undefined || backup.cluster.name === flags.cluster,
          )
          const { id, url, format } = repository
          const text = flags.json
            ? JSON.stringify({ repository: { id, url, format }, backups }, undefined, 2)
            : backups.length === 0
              ? `no backups in ${url}`
              : textTable(
                  ['BACKUP', 'CLUSTER', 'STATE', 'KIND', 'HOSTS', 'FILES', 'SIZE', 'NEW'],
                  backups.map(row),
                )
          const { terminal } = context
          terminal.stdout.write(`${text}\n`)
          for (const { name, error } of damaged) {
            terminal.stderr.write(`warning: manifest ${name}: ${error.message}\n`)
          }
          return damaged.length > 0 ? exitCodes.failed : exitCodes.done
        }),
      )
  },
}

function row(backup: BackupSummary): readonly string[] {
  return [
    backup.name,
    `${backup.cluster.name} (${backup.cluster.kind})`,
    backup.state,
    backup.kind,
    String(backup.hosts.length),
    String(backup.files),
    formatBytes(backup.bytes),
    formatBytes(backup.new_bytes),
  ]
}
