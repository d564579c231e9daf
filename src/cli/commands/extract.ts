import { mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { BkpError, exitCodes } from '../../base/errors.ts'
import { formatBytes } from '../../base/units.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { extract, extractOne } from '../../repository/extract/extract.ts'
import { openTargetFolder } from '../../repository/extract/folder.ts'
import { localOwners } from '../../repository/extract/owners.ts'
import { fileScope } from '../../repository/extract/scope.ts'
import { showFile } from '../../repository/logical-path.ts'
import type { Backup, Repository } from '../../repository/repository.ts'
import type { CliCommand, CommandContext } from '../command.ts'
import { addPlaceFlags, backupQuery, openRepositoryAt, type PlaceFlags } from '../place.ts'
import { withProgress } from '../progress.ts'

interface Flags extends PlaceFlags {
  readonly cluster?: string
  readonly host?: string
  readonly path?: string
  readonly to: string
  readonly overwrite?: boolean
  readonly owner?: boolean
  readonly json?: boolean
  readonly verbose?: boolean
}

export const extractCommand: CliCommand = {
  name: 'extract',
  register: (command, run) => {
    addPlaceFlags(
      command
        .argument('<storage>', 'a storage URL, or a name from the inventory')
        .argument('<backup>', 'a name, the beginning of one, or latest'),
    )
      .requiredOption(
        '--to <dir>',
        'the folder to write to, as DIR/HOST/PATH; - for one file to standard output',
      )
      .option('--path <path>', 'only what lies there and below, as the backup names it')
      .option('--host <name>', 'only the files of this host')
      .option('--cluster <name>', 'whose latest, where the storage holds several clusters')
      .option('--overwrite', 'also into a folder that is not empty; files in the way are replaced')
      .option('--owner', 'give files to their users and groups; only for root')
      .option('--json', 'print JSON')
      .option('-v, --verbose', 'tell how far it is where standard error is no terminal')
      .action((place: string, backup: string, flags: Flags) =>
        run(async context => {
          const repo = await openRepositoryAt(place, flags, context)
          return flags.to === '-'
            ? await toOutput(repo, backup, flags, context)
            : await toFolder(repo, backup, flags, context)
        }),
      )
  },
}

async function toFolder(
  repo: Repository,
  name: string,
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { terminal } = context
  const scope = fileScope(flags.host, flags.path)
  const owners = flags.owner === true ? ownersForRoot() : undefined
  const options = {
    verbose: flags.verbose ?? false,
    interruptedHint: `${flags.to} holds a part of the backup; run it again with --overwrite`,
  }
  const done = await withProgress(
    context,
    'extract',
    async ({ io, at }) => {
      const backup = await resolveBackup(repo, backupQuery(name, flags.cluster), io)
      const path = prepareFolder(resolve(terminal.directory, flags.to), flags.overwrite ?? false)
      const folder = openTargetFolder({
        path,
        overwrite: flags.overwrite ?? false,
        ...(owners === undefined ? {} : { owners }),
      })
      const tell = (file: Parameters<typeof showFile>[0]): void => at(showFile(file))
      const result = await extract({ repo, backup, scope, folder, at: tell }, io)
      return { backup: backup.name, to: path, ...result, unknown_owners: owners?.unknown() ?? [] }
    },
    options,
  )
  if (flags.json) terminal.stdout.write(`${JSON.stringify(done, undefined, 2)}\n`)
  else {
    terminal.stdout.write(
      `${done.files} files (${formatBytes(done.bytes)}), ${done.directories} folders and ` +
        `${done.symlinks} links of backup ${done.backup} written to ${done.to}\n`,
    )
  }
  for (const unknown of done.unknown_owners) {
    terminal.stderr.write(`warning: there is no ${unknown} here; its files are root's\n`)
  }
  return exitCodes.done
}

function ownersForRoot(): ReturnType<typeof localOwners> {
  if (process.getuid?.() === 0) return localOwners()
  throw new BkpError('usage.invalid', 'only root can give files to other users', {
    hint: 'leave --owner out, or run it as root',
  })
}

/** The real path of a folder that may be written to. @throws restore.conflict, file.unwritable */
export function prepareFolder(path: string, overwrite: boolean): string {
  let names: readonly string[]
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    names = readdirSync(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BkpError('file.unwritable', `${path} cannot be a folder to write to: ${why}`, {
      cause,
      hint: 'name a folder that can be made, or an empty one',
    })
  }
  if (names.length === 0 || overwrite) return realpathSync(path)
  throw new BkpError('restore.conflict', `${path} is not empty`, {
    hint: 'name an empty folder or a new one',
  })
}

/** One file, byte for byte, for other programs. */
async function toOutput(
  repo: Repository,
  name: string,
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { stdout } = context.terminal
  const { writeBytes } = stdout
  if (flags.json || writeBytes === undefined) {
    throw new BkpError('usage.invalid', '--to - writes the bytes of a file, and nothing else', {
      hint: 'leave --json out',
    })
  }
  await withProgress(
    context,
    'extract',
    async ({ io }) => {
      const backup: Backup = await resolveBackup(repo, backupQuery(name, flags.cluster), io)
      let bytes = 0
      for await (const part of extractOne(repo, backup, fileScope(flags.host, flags.path), io)) {
        io.signal.throwIfAborted()
        bytes += part.length
        io.progress(bytes)
        // Whoever reads has gone: `| head`.
        if (!(await writeBytes(part))) return
      }
    },
    { verbose: flags.verbose ?? false, silent: stdout.isTerminal },
  )
  return exitCodes.done
}
