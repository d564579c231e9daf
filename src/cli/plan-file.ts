import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { systemClock, systemRandom } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { mask } from '../base/secret.ts'
import { parseDuration } from '../base/units.ts'
import { toolVersion } from '../base/version.ts'
import { plannedFiles, requireSameDocuments } from '../execute/plan-file/documents.ts'
import type { PlanFile } from '../execute/plan-file/format.ts'
import { makePlanFile, planFileText } from '../execute/plan-file/make.ts'
import { matchesMasked } from '../execute/plan-file/masked.ts'
import { readPlanFile } from '../execute/plan-file/read.ts'
import { newRunId } from '../execute/run-id.ts'
import type { SourceDocument } from '../runbook/contract.ts'
import { systemFiles } from '../runbook/file-access.ts'
import type { CommandContext } from './command.ts'
import type { RunbookFlags } from './runbook-flags.ts'
import { openSession, type Planned, type Session } from './session.ts'
import { selectionOf } from './stored-run.ts'
import type { VaultFlags } from './vault-passwords.ts'

export interface PlanFileFlags {
  /** Where the plan is kept. */
  readonly out?: string
  /** How long it may wait, in milliseconds. */
  readonly expires: number
}

/** How long a plan may wait where nobody says: state moves on. */
export const dayMs = 24 * 60 * 60 * 1000

/** A duration on the command line, in milliseconds. */
export function durationMs(text: string): number {
  const milliseconds = /^\d+(\.\d+)?(s|m|h|d)$/.test(text) ? parseDuration(text) : 0
  if (milliseconds > 0) return milliseconds
  throw new InvalidArgumentError('write a duration such as 30m, 8h or 2d.')
}

/** Keeps the plan in the file that `--out` names, if it does. @throws usage.invalid */
export async function writePlanFile(
  playbook: string,
  flags: PlanFileFlags & Pick<RunbookFlags, 'inventory'> & { readonly json?: boolean },
  { session, planned }: { readonly session: Session; readonly planned: Planned },
  { terminal, redactor }: CommandContext,
): Promise<void> {
  if (flags.out === undefined) return
  const file = makePlanFile(
    {
      tool: toolVersion,
      created: systemClock.now(),
      validMs: flags.expires,
      playbook,
      inventory: flags.inventory ?? [],
      invocation: withWholePaths(session.invocation),
      documents: documentsOf(session),
      plan: planned.document,
    },
    redactor.redact,
  )
  const path = resolve(terminal.directory, flags.out)
  await replaceFile(path, planFileText(file))
  const stream = flags.json ? terminal.stderr : terminal.stdout
  stream.write(
    redactor.redact(
      `Kept in ${flags.out} until ${file.expires}. To apply exactly this: bkp apply ${flags.out}\n`,
    ),
  )
}

/** `-e @FILE` means the same file wherever the plan is applied from. */
function withWholePaths(invocation: Session['invocation']): Session['invocation'] {
  const { extra_vars: extraVars, directory } = invocation
  if (extraVars === undefined) return invocation
  return {
    ...invocation,
    extra_vars: extraVars.map(text =>
      text.startsWith('@') ? `@${resolve(directory, text.slice(1))}` : text,
    ),
  }
}

/** Everything that was read to make the plan. */
function documentsOf({ open, invocation }: Session): readonly SourceDocument[] {
  const files = (invocation.extra_vars ?? [])
    .filter(text => text.startsWith('@'))
    .map(text => resolve(invocation.directory, text.slice(1)))
  const texts = files.map(path => ({
    path,
    text: new TextDecoder().decode(systemFiles.read(path)),
  }))
  return [...open.environment.run.documents, ...texts]
}

/** Readable by nobody else, and whole or not there: it goes to where people approve things. */
async function replaceFile(path: string, text: string): Promise<void> {
  const name = `.bkp-plan.${newRunId(systemClock.now(), systemRandom)}`
  const beside = join(dirname(path), name)
  try {
    const handle = await open(beside, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, path)
  } catch (cause) {
    await rm(beside, { force: true })
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BkpError('usage.invalid', `the plan cannot be kept in ${path}: ${why}`, { cause })
  }
}

export interface OpenPlanFlags extends VaultFlags {
  readonly extraVars?: readonly string[]
  readonly forks?: number
  readonly diff?: boolean
  readonly verbose?: boolean
}

/** A plan file with what it was made from, loaded again and found the same. */
export interface OpenPlan {
  readonly file: PlanFile
  readonly session: Session
}

/**
 * Reads a plan file and loads what it was made from again.
 * @throws plan.invalid, plan.expired, usage.file_missing; run.plan_stale where the documents differ
 */
export async function openPlanFile(
  path: string,
  flags: OpenPlanFlags,
  context: CommandContext,
): Promise<OpenPlan> {
  const { terminal, redactor } = context
  const text = await readText(resolve(terminal.directory, path), path)
  const file = readPlanFile(text, { path, tool: toolVersion, now: systemClock.now() })
  const { invocation } = file
  const { directory } = invocation
  const place = (name: string): string =>
    isAbsolute(name) || name.includes(',') ? name : resolve(directory, name)
  const { extraVars: _given, ...own } = flags
  const runbookFlags: RunbookFlags = {
    ...selectionOf(invocation),
    ...own,
    forks: flags.forks ?? invocation.forks,
    inventory: file.inventory.map(place),
    ...extraVarsOf(file, flags),
  }
  const now = systemClock.now()
  const session = await openSession(place(file.playbook), runbookFlags, context, {
    files: systemFiles,
    run: { id: newRunId(now, systemRandom), startedAt: now },
    ...(invocation.prompted === undefined ? {} : { prompted: invocation.prompted }),
  })
  try {
    requireSameDocuments({
      approved: { directory, documents: file.documents },
      now: {
        directory: terminal.directory,
        documents: plannedFiles(documentsOf(session), redactor.redact),
      },
    })
  } catch (thrown) {
    await session.open.close()
    throw thrown
  }
  return { file, session }
}

async function readText(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BkpError('usage.file_missing', `${shown} cannot be read: ${why}`, { cause })
  }
}

/** Those of the plan; where a secret is in one, all are given again and must be the same. */
function extraVarsOf(
  { invocation }: PlanFile,
  { extraVars }: OpenPlanFlags,
): Pick<RunbookFlags, 'extraVars'> {
  const planned = invocation.extra_vars ?? []
  if (extraVars === undefined) {
    if (planned.some(text => text.includes(mask))) {
      throw new BkpError('usage.invalid', 'a variable of this plan holds a secret', {
        hint: 'secrets are not kept in plans: give all -e flags again',
      })
    }
    return planned.length === 0 ? {} : { extraVars: planned }
  }
  const isSame =
    planned.length === extraVars.length &&
    planned.every((text, index) => matchesMasked(text, extraVars[index] ?? ''))
  if (isSame) return { extraVars }
  throw new BkpError('run.plan_stale', 'the -e flags are not those that the plan was made with', {
    hint: `it was made with: ${planned.length === 0 ? 'none' : planned.join(' ')}`,
  })
}
