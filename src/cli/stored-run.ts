import { isAbsolute, resolve } from 'node:path'
import { BkpError } from '../base/errors.ts'
import { quietIo } from '../base/io.ts'
import { mask } from '../base/secret.ts'
import { createProgram, taskAt } from '../engine/program.ts'
import type { RunEvent } from '../events/events.ts'
import { adoptRun, readStoredRun, type StoredRun } from '../execute/journal.ts'
import { refuseIfRunning } from '../execute/lock/run-lock.ts'
import { readMirror } from '../execute/mirror-read.ts'
import { owedOf } from '../execute/owed.ts'
import { type Invocation, recordingOf } from '../execute/run.ts'
import type { SourceDocument } from '../runbook/contract.ts'
import { editedSteps } from '../runbook/edited-steps.ts'
import { type FileAccess, systemFiles } from '../runbook/file-access.ts'
import { stateDirectoryOf } from './apply-runbook.ts'
import type { CommandContext } from './command.ts'
import { openPlace } from './place.ts'
import type { RunbookFlags } from './runbook-flags.ts'
import { openSession, type Session } from './session.ts'
import type { VaultFlags } from './vault-passwords.ts'

export interface StoredRunFlags extends VaultFlags {
  readonly stateDir?: string
  readonly extraVars?: readonly string[]
  readonly inventory?: readonly string[]
  /** A storage that mirrors the run: of another controller, or one that is lost. */
  readonly from?: string
}

/** A run of this controller, found again: its events and a session to go on with. */
export interface FoundRun {
  readonly stored: StoredRun
  readonly session: Session
  /** The command line it was started with. */
  readonly flags: RunbookFlags & { readonly stateDir?: string }
}

type Started = Extract<RunEvent, { event: 'run.started' }>

/**
 * Opens a stored run with the playbook and inventory as they are now, or as they were where the files
 * are gone. @throws run.edited when a step that is done was edited since
 */
export async function findRun(
  run: string,
  flags: StoredRunFlags,
  context: CommandContext,
): Promise<FoundRun> {
  const stored = await storedRun(run, flags, context)
  const started = startOf(stored)
  const directory = started.directory ?? context.terminal.directory
  const place = (path: string): string =>
    isAbsolute(path) || path.includes(',') ? path : resolve(directory, path)
  const { vaultPasswordFile, vaultId, askVaultPass } = flags
  const runbookFlags: RunbookFlags & { readonly stateDir?: string } = {
    ...(vaultPasswordFile === undefined ? {} : { vaultPasswordFile }),
    ...(vaultId === undefined ? {} : { vaultId }),
    ...(askVaultPass === undefined ? {} : { askVaultPass }),
    forks: started.forks ?? 50,
    inventory: flags.inventory ?? started.inventory.map(place),
    extraVars: extraVarsOf(started, flags),
    ...selectionOf(started),
    ...(flags.stateDir === undefined ? {} : { stateDir: flags.stateDir }),
  }
  const files = orAsTheyWere(stored, place)
  const session = await openSession(place(started.playbook), runbookFlags, context, {
    files,
    run: { id: run, startedAt: new Date(started.time) },
    ...(started.prompted === undefined ? {} : { prompted: started.prompted }),
  })
  refuseEdited(stored, session, place)
  return { stored, session, flags: runbookFlags }
}

async function storedRun(
  run: string,
  flags: StoredRunFlags,
  context: CommandContext,
): Promise<StoredRun> {
  const stateDirectory = await stateDirectoryOf(flags.stateDir, context)
  await refuseIfRunning(stateDirectory, run)
  if (flags.from === undefined) return await readStoredRun(stateDirectory, run)
  const storage = await openPlace(flags.from, flags, context)
  const mirrored = await readMirror(storage, run, quietIo)
  await adoptRun(stateDirectory, mirrored)
  return mirrored
}

function startOf({ run, events }: StoredRun): Started {
  const started = events.find(event => event.event === 'run.started')
  if (started !== undefined) return started
  throw new BkpError('usage.invalid', `run "${run}" was cut off before it began`, {
    hint: 'nothing was done and nothing is owed; run the playbook again',
  })
}

/** The same tasks on the same hosts as then. */
export function selectionOf(started: Partial<Invocation>): Partial<RunbookFlags> {
  const { limit, tags, skip_tags: skipTags, start_at_task: startAtTask, stepwise, diff } = started
  const { force_handlers: forceHandlers } = started
  return {
    ...(limit === undefined ? {} : { limit: [limit] }),
    ...(tags === undefined ? {} : { tags }),
    ...(skipTags === undefined ? {} : { skipTags }),
    ...(startAtTask === undefined ? {} : { startAtTask }),
    ...(forceHandlers === undefined ? {} : { forceHandlers }),
    ...(stepwise === undefined ? {} : { step: stepwise }),
    ...(diff === undefined ? {} : { diff }),
  }
}

/** `-e` as it was given then; what was masked in the journal has to be given again. */
function extraVarsOf(started: Started, flags: StoredRunFlags): readonly string[] {
  if (flags.extraVars !== undefined) return flags.extraVars
  const before = started.extra_vars ?? []
  if (before.some(text => text.includes(mask))) {
    throw new BkpError('usage.invalid', 'a variable of this run holds a secret', {
      hint: 'secrets are not journaled: give all -e flags again',
    })
  }
  return before
}

/** Files as they are, or as they were journaled where they are gone; folders are those of such files. */
export function orAsTheyWere(
  { documents }: Pick<StoredRun, 'documents'>,
  place: (path: string) => string,
): FileAccess {
  const kept = new Map(documents.map(({ path, text }) => [place(path), text]))
  const below = (path: string): readonly string[] => {
    const start = `${place(path)}/`
    const inside = [...kept.keys()].filter(each => each.startsWith(start))
    return [...new Set(inside.map(each => each.slice(start.length).split('/')[0] ?? ''))].sort()
  }
  const isFolder = (path: string): boolean =>
    systemFiles.kind(path) === undefined && below(path).length > 0
  const gone = (path: string): string | undefined =>
    systemFiles.kind(path) === undefined ? kept.get(place(path)) : undefined
  return Object.freeze({
    ...systemFiles,
    kind: (path: string) => {
      if (gone(path) !== undefined) return 'file'
      return isFolder(path) ? 'directory' : systemFiles.kind(path)
    },
    list: (path: string) => (isFolder(path) ? below(path) : systemFiles.list(path)),
    read: (path: string) => {
      const text = gone(path)
      return text === undefined ? systemFiles.read(path) : new TextEncoder().encode(text)
    },
    real: (path: string) =>
      gone(path) === undefined && !isFolder(path) ? systemFiles.real(path) : path,
  })
}

/**
 * A step that is done cannot be done differently any more: going on would mix two runbooks. `place`
 * makes paths comparable: a run may be gone on with from another folder.
 */
function refuseEdited(
  { documents, events }: StoredRun,
  session: Session,
  place: (path: string) => string,
): void {
  const program = createProgram({ ...session.options.program, mode: 'apply' })
  const placed = (each: SourceDocument) => ({ ...each, path: place(each.path) })
  const { finishedSteps } = recordingOf(program, events)
  const edited = editedSteps({
    before: documents.map(placed),
    now: session.loaded.playbook.documents.map(placed),
    // A flush of handlers is written nowhere.
    steps: new Set([...finishedSteps].filter(step => !taskAt(program, step)?.implicit)),
    placeOf: step => {
      const at = taskAt(program, step)?.place
      return at === undefined ? undefined : { ...at, file: place(at.file) }
    },
  })
  if (edited.length === 0) return
  throw new BkpError('run.edited', `steps that are done were edited since: ${edited.join(', ')}`, {
    hint: 'put them back as they were to resume, or settle the run with bkp abort and run it anew',
  })
}

/** True when the run ended by itself and owes nothing: there is nothing to go on with. */
export function isOver({ events }: StoredRun): boolean {
  const last = events.at(-1)
  return last?.event === 'run.finished' && last.exit_code === 0 && owedOf(events).length === 0
}
