import { hostname } from 'node:os'
import { systemClock, systemRandom } from '../../base/clock.ts'
import { exitCodes } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import { formatBytes } from '../../base/units.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { type CopyResult, copyBackups } from '../../repository/copy/copy.ts'
import type { CliCommand } from '../command.ts'
import {
  addPlaceFlags,
  backupQuery,
  openPlace,
  openRepositoryAt,
  type PlaceFlags,
} from '../place.ts'
import { withProgress } from '../progress.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly acceptClock?: boolean
  readonly json?: boolean
  readonly verbose?: boolean
}

export const copyCommand: CliCommand = {
  name: 'copy',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<from>', 'a storage URL, or a name from the inventory')
        .argument('<to>', 'the storage to copy to; becomes a repository')
        .argument(
          '[backup]',
          'a name, the beginning of one, or latest; without it, all complete ones',
        ),
    )
      .option('--cluster <name>', 'only backups of this cluster')
      .option(
        '--accept-clock',
        'go on although the clocks of this machine and the storage disagree',
      )
      .option('--json', 'print JSON')
      .option('-v, --verbose', 'tell how far it is where standard error is no terminal')
      .action((from: string, to: string, backup: string | undefined, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const source = await openRepositoryAt(from, flags, context)
          const target = await openPlace(to, flags, context)
          const result = await withProgress(
            context,
            'copy',
            async ({ io, at }) => {
              const chosen =
                backup === undefined
                  ? undefined
                  : await resolveBackup(source, backupQuery(backup, flags.cluster), io)
              return await copyBackups(
                {
                  from: source,
                  pinIn: source.storage,
                  to: target,
                  clock: systemClock,
                  random: systemRandom,
                  controller: hostname(),
                  pid: process.pid,
                  acceptClock: flags.acceptClock ?? false,
                  begin: (name, number, count) => at(`${name}, ${number} of ${count}`),
                  ...(chosen === undefined ? {} : { backup: chosen.name }),
                  ...(chosen !== undefined || flags.cluster === undefined
                    ? {}
                    : { cluster: flags.cluster }),
                },
                io,
              )
            },
            {
              verbose: flags.verbose ?? false,
              interruptedHint: 'backups that were copied are there; run it again for the others',
            },
          )
          terminal.stdout.write(flags.json ? json(result) : text(result, target.url))
          for (const warning of result.warnings) {
            terminal.stderr.write(`warning: ${escapeControls(warning, { newlines: false })}\n`)
          }
          return result.failed.length === 0 ? exitCodes.done : exitCodes.failed
        }),
      )
  },
}

function json({ copied, present, failed, warnings }: CopyResult): string {
  const errors = failed.map(({ name, error: { code, message } }) => ({ name, code, message }))
  return `${JSON.stringify({ copied, present, errors, warnings }, undefined, 2)}\n`
}

function text({ copied, present, failed }: CopyResult, url: string): string {
  const sent = copied.reduce((sum, backup) => sum + backup.new_bytes, 0)
  return [
    ...copied.map(
      ({ name, as, files, bytes, new_bytes: newBytes }) =>
        `${name}${as === name ? '' : ` as ${as}`}  ${files} files, ${formatBytes(bytes)}, ${formatBytes(newBytes)} sent\n`,
    ),
    ...failed.map(
      ({ name, error }) =>
        `${name}  NOT COPIED  ${escapeControls(error.message, { newlines: false })}\n`,
    ),
    `${copied.length} ${copied.length === 1 ? 'backup' : 'backups'} copied to ${url}, ${formatBytes(sent)} sent`,
    present.length === 0 ? '' : `; ${present.length} were there before`,
    failed.length === 0 ? '\n' : `; ${failed.length} could not be copied\n`,
  ].join('')
}
