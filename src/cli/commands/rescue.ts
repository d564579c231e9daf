import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BkpError, exitCodes } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { bendsaveKey } from '../../repository/bendsave-header.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { readRecoveryKit } from '../../repository/extract/recovery-kit.ts'
import type { Repository } from '../../repository/repository.ts'
import type { CliCommand } from '../command.ts'
import { addPlaceFlags, backupQuery, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { withProgress } from '../progress.ts'
import { kitFolder, rescueFacts, rescueReadme } from '../rescue-text.ts'
import { prepareFolder } from './extract.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly to: string
  readonly json?: boolean
}

export const rescueCommand: CliCommand = {
  name: 'rescue',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<storage>', 'a storage URL, or a name from the inventory')
        .argument('[backup]', 'a name, the beginning of one, or latest', 'latest'),
    )
      .requiredOption('--to <dir>', 'the folder to write to: a new or an empty one')
      .option('--cluster <name>', 'whose latest, where the storage holds several clusters')
      .option('--json', 'print JSON')
      .action((place: string, backup: string, flags: Flags) =>
        run(async context => {
          const { terminal } = context
          const repo = await openRepositoryAt(place, flags, context)
          const done = await withProgress(
            context,
            'rescue',
            async ({ io }) => {
              const query = backupQuery(backup, flags.cluster)
              const folder = resolve(terminal.directory, flags.to)
              return await writeKit(repo, query, folder, io)
            },
            { interruptedHint: `remove ${flags.to}, and run it again` },
          )
          terminal.stdout.write(
            flags.json
              ? `${JSON.stringify(done, undefined, 2)}\n`
              : `${done.files.length} files of backup ${done.backup} written to ${done.to}; begin with ${done.to}/README.md\n`,
          )
          return exitCodes.done
        }),
      )
  },
}

async function writeKit(
  repo: Repository,
  query: Parameters<typeof resolveBackup>[1],
  folder: string,
  io: Io,
): Promise<{ readonly backup: string; readonly to: string; readonly files: readonly string[] }> {
  const backup = await resolveBackup(repo, query, io)
  // All is read before anything is written.
  const kit = await readRecoveryKit(repo, backup, io)
  const bendsave = await repo.storage.get(bendsaveKey, io)
  const to = prepareFolder(folder, false)
  const files: string[] = []
  const write = (place: string, content: Uint8Array | string): void => {
    writeNew(join(to, place), content)
    files.push(place)
  }
  write('README.md', rescueReadme(repo, backup, kit))
  write('backup.json', `${JSON.stringify(rescueFacts(repo, backup), undefined, 2)}\n`)
  write('bendsave.md', bendsave)
  for (const { place, content } of kit) write(`${kitFolder}/${place}`, content)
  return { backup: backup.name, to, files }
}

/** Never in place of what is there; the inventory may tell where secrets are kept: for us alone. */
function writeNew(path: string, content: Uint8Array | string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, content, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BkpError('file.unwritable', `${path} cannot be written: ${why}`, {
      cause,
      hint: 'name another folder',
    })
  }
}
