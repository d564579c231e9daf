import { systemClock, systemRandom } from '../../base/clock.ts'
import { BkpError, exitCodes } from '../../base/errors.ts'
import { parseDuration, writeDuration } from '../../base/units.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { fileScope } from '../../repository/extract/scope.ts'
import { verify } from '../../repository/verify.ts'
import type { CliCommand } from '../command.ts'
import { addPlaceFlags, backupQuery, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { withProgress } from '../progress.ts'
import { verifyText } from '../verify-text.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly host?: string
  readonly path?: string
  readonly readData?: string | true
  readonly budget?: string
  readonly json?: boolean
  readonly verbose?: boolean
}

export const verifyCommand: CliCommand = {
  name: 'verify',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<storage>', 'a storage URL, or a name from the inventory')
        .argument('[backup]', 'a name, the beginning of one, or latest; without it, all'),
    )
      .option('--cluster <name>', 'only backups of this cluster')
      .option('--host <name>', 'only what files of this host need')
      .option('--path <path>', 'only what files there and below need, as the backups name them')
      .option('--read-data [percent]', 'read blocks back and check their sums')
      .option('--budget <time>', 'stop after that time (10m, 2h); the next run goes on from there')
      .option('--json', 'print JSON')
      .option('-v, --verbose', 'tell how far it is where standard error is no terminal')
      .action((place: string, backup: string | undefined, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const readData = percentOf(flags.readData)
          const budgetMs = budgetOf(flags.budget, readData)
          const isPart = flags.host !== undefined || flags.path !== undefined
          const files = fileScope(flags.host, flags.path)
          const repository = await openRepositoryAt(place, flags, context)
          const report = await withProgress(
            context,
            'verify',
            async ({ io, at }) => {
              const chosen =
                backup === undefined
                  ? undefined
                  : await resolveBackup(repository, backupQuery(backup, flags.cluster), io)
              return await verify(
                repository,
                {
                  readData,
                  clock: systemClock,
                  random: systemRandom,
                  record: repository.storage,
                  at,
                  ...(budgetMs === undefined ? {} : { budgetMs }),
                  ...(chosen === undefined ? {} : { backup: chosen.name }),
                  ...(chosen !== undefined || flags.cluster === undefined
                    ? {}
                    : { cluster: flags.cluster }),
                  ...(isPart ? { files } : {}),
                },
                io,
              )
            },
            { verbose: flags.verbose ?? false, interruptedHint: 'nothing was recorded' },
          )
          terminal.stdout.write(
            flags.json
              ? `${JSON.stringify(report, undefined, 2)}\n`
              : verifyText(report, budgetMs === undefined ? '' : writeDuration(budgetMs)),
          )
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

function budgetOf(flag: string | undefined, readData: boolean | number): number | undefined {
  if (flag === undefined) return undefined
  if (typeof readData === 'number') {
    throw new BkpError('usage.invalid', '--budget reads as much as there is time for', {
      hint: 'leave the percentage of --read-data out',
    })
  }
  const budgetMs = parseDuration(flag)
  if (budgetMs > 0) return budgetMs
  throw new BkpError('usage.invalid', `--budget ${flag} is no time at all`, {
    hint: 'write 10m or 2h',
  })
}
