import { systemClock, systemRandom } from '../../base/clock.ts'
import { BkpError, exitCodes } from '../../base/errors.ts'
import { quietIo } from '../../base/io.ts'
import { formatBytes } from '../../base/units.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { verify } from '../../repository/verify.ts'
import type { CliCommand } from '../command.ts'
import { addPlaceFlags, backupQuery, openRepositoryAt, type PlaceFlags } from '../place.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly readData?: string | true
  readonly json?: boolean
}

export const verifyCommand: CliCommand = {
  name: 'verify',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<storage>', 'a storage URL, or a name from the inventory')
        .argument('[backup]', 'a name, the beginning of one, or latest; without it, all'),
    )
      .option('--cluster <name>', 'whose latest, where the storage holds several clusters')
      .option('--read-data [percent]', 'read blocks back and check their sums')
      .option('--json', 'print JSON')
      .action((place: string, backup: string | undefined, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const repository = await openRepositoryAt(place, flags, context)
          const chosen =
            backup === undefined
              ? undefined
              : await resolveBackup(repository, backupQuery(backup, flags.cluster), quietIo)
          const report = await verify(
            repository,
            {
              readData: percentOf(flags.readData),
              clock: systemClock,
              random: systemRandom,
              record: repository.storage,
              ...(chosen === undefined ? {} : { backup: chosen.name }),
            },
            quietIo,
          )
          if (flags.json) {
            terminal.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
          } else {
            const { backups, blocks, bytes } = report.checked
            for (const error of report.errors) {
              terminal.stdout.write(
                `${error.code}: block ${error.block}\n  backups: ${error.backups.join(', ')}\n` +
                  error.files.map(file => `  file: ${file}\n`).join(''),
              )
            }
            terminal.stdout.write(
              `checked ${backups} ${backups === 1 ? 'backup' : 'backups'}, ${blocks} blocks, ${formatBytes(bytes)} read: ${
                report.errors.length === 0 ? 'no errors' : `${report.errors.length} errors`
              }\n`,
            )
          }
          return report.errors.length === 0 ? exitCodes.done : exitCodes.failed
        }),
      )
  },
}

/** `--read-data` reads all, `--read-data=10` a tenth of the blocks. */
function percentOf(flag: string | true | undefined): boolean | number {
  if (flag === undefined || flag === true) return flag ?? false
  const percent = Number(flag.replace(/%$/, ''))
  if (percent > 0 && percent <= 100) return percent
  throw new BkpError('usage.invalid', `--read-data=${flag} is not a percentage`, {
    hint: 'write a number from 1 to 100, or none for all',
  })
}
