import { hostname } from 'node:os'
import { Option } from 'commander'
import { systemClock, systemRandom } from '../../base/clock.ts'
import { BkpError, exitCodes } from '../../base/errors.ts'
import { quietIo } from '../../base/io.ts'
import { isProcessAlive } from '../../base/process-alive.ts'
import { escapeControls } from '../../base/text.ts'
import { parseDuration } from '../../base/units.ts'
import {
  cancelVacuum,
  planVacuum,
  type RetentionPolicy,
  type VacuumOptions,
  type VacuumResult,
  vacuum,
} from '../../repository/vacuum/vacuum.ts'
import { readOnlyStorage } from '../../storage/read-only.ts'
import type { CliCommand, CommandContext } from '../command.ts'
import { addPlaceFlags, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { withProgress } from '../progress.ts'
import { planJson, planText, resultJson, resultText } from '../vacuum-output.ts'

interface Flags extends PlaceFlags {
  readonly retentionDays?: string
  readonly minRetentionDays?: string
  readonly maxBackups?: string
  readonly minBackups?: string
  readonly cluster?: string
  readonly quarantine?: string
  readonly dryRun?: boolean
  readonly check?: boolean
  readonly confirm?: boolean
  readonly cancel?: boolean
  readonly exclusive?: boolean
  readonly acceptClock?: boolean
  readonly json?: boolean
}

export const vacuumCommand: CliCommand = {
  name: 'vacuum',
  register: (command, run) => {
    addPlaceFlags(command.argument('<storage>', 'a storage URL, or a name from the inventory'))
      .option('--retention-days <n>', 'forget backups that are older')
      .option('--min-retention-days <n>', 'keep backups that are younger, in any case')
      .option('--max-backups <n>', 'forget all but the newest so many')
      .option('--min-backups <n>', 'keep the newest so many, in any case (1)')
      .option('--cluster <name>', 'forget only backups of this cluster')
      .option('--quarantine <time>', 'how long a plan can be cancelled before it deletes (24h)')
      .option('--dry-run', 'say what would go and why the rest stays; write nothing')
      .addOption(new Option('--check', 'the same as --dry-run').hideHelp())
      .option('--confirm', "forget more than half of a cluster's backups, too")
      .option('--cancel', 'give up the plan that is open; nothing of it is deleted')
      .option('--exclusive', 'nothing else uses the storage (it does not create atomically)')
      .option('--accept-clock', 'go on although clocks disagree')
      .option('--json', 'print JSON')
      .action((place: string, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const options = optionsOf(flags)
          const isDryRun = flags.dryRun === true || flags.check === true
          if (isDryRun && flags.cancel) throw wrong('--cancel and --dry-run contradict each other')
          const { storage } = await openRepositoryAt(place, flags, context)
          const print = (json: unknown, text: string): void => {
            terminal.stdout.write(`${flags.json ? JSON.stringify(json, undefined, 2) : text}\n`)
          }
          if (flags.cancel) {
            const { number } = await cancelVacuum({ storage, ...who }, quietIo)
            print(
              { cancelled: number ?? null, state: number === undefined ? 'none' : 'closed' },
              number === undefined
                ? `no vacuum of ${storage.url} is open`
                : `vacuum ${number} is cancelled: nothing was deleted; what was forgotten stays so`,
            )
          } else if (isDryRun) {
            const scope = { ...options, storage: readOnlyStorage(storage), clock: systemClock }
            const plan = await withProgress(context, 'vacuum, dry run', ({ io }) =>
              planVacuum(scope, io),
            )
            print(planJson(plan), planText(plan))
          } else {
            const result = await vacuumOrAsk({ ...options, ...who, storage }, flags, context)
            print(resultJson(result), resultText(result))
          }
          return exitCodes.done
        }),
      )
  },
}

const who = {
  controller: hostname(),
  clock: systemClock,
  random: systemRandom,
  isAlive: isProcessAlive,
} as const

type Chosen = Pick<
  VacuumOptions,
  'policy' | 'cluster' | 'quarantineMs' | 'exclusive' | 'acceptClock' | 'confirmed'
>

/** Asks a person where more than half of a cluster's backups would go. @throws repository.unconfirmed */
async function vacuumOrAsk(
  options: VacuumOptions,
  { json }: Flags,
  context: CommandContext,
): Promise<VacuumResult> {
  const { terminal } = context
  const run = (chosen: VacuumOptions): Promise<VacuumResult> =>
    withProgress(context, 'vacuum', ({ io }) => vacuum(chosen, io), {
      interruptedHint: 'run it again: it goes on where it was',
    })
  try {
    return await run(options)
  } catch (error) {
    const mayAsk = terminal.canAsk && json !== true
    const isQuestion = error instanceof BkpError && error.code === 'repository.unconfirmed'
    if (!isQuestion || !mayAsk) throw error
    const question = escapeControls(error.message, { newlines: false })
    const answer = await terminal.ask(`${question}. Type "yes" to go on: `)
    if (answer?.trim() !== 'yes') throw error
    return await run({ ...options, confirmed: true })
  }
}

/** @throws usage.invalid */
function optionsOf(flags: Flags): Chosen {
  const policy: RetentionPolicy = {
    ...numberOf('retentionDays', '--retention-days', flags.retentionDays, 'a number of days'),
    ...numberOf(
      'minRetentionDays',
      '--min-retention-days',
      flags.minRetentionDays,
      'a number of days',
    ),
    ...numberOf('maxBackups', '--max-backups', flags.maxBackups, 'a whole number'),
    ...numberOf('minBackups', '--min-backups', flags.minBackups, 'a whole number'),
  }
  return {
    policy,
    ...(flags.cluster === undefined ? {} : { cluster: { name: flags.cluster } }),
    ...(flags.quarantine === undefined ? {} : { quarantineMs: parseDuration(flags.quarantine) }),
    exclusive: flags.exclusive === true,
    acceptClock: flags.acceptClock === true,
    confirmed: flags.confirm === true,
  }
}

function numberOf<N extends keyof RetentionPolicy>(
  name: N,
  flag: string,
  text: string | undefined,
  what: 'a number of days' | 'a whole number',
): { readonly [Name in N]?: number } {
  if (text === undefined) return {}
  const pattern = what === 'a whole number' ? /^\d{1,9}$/ : /^\d{1,9}(\.\d+)?$/
  if (!pattern.test(text)) throw wrong(`${flag} ${text} is not ${what}`)
  return { [name]: Number(text) } as { readonly [Name in N]?: number }
}

function wrong(what: string): BkpError {
  return new BkpError('usage.invalid', what, { hint: 'bkp vacuum --help shows its flags' })
}
