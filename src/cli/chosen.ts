import { createProgram, type ProgramOptions } from '../engine/program.ts'
import type { Invocation } from '../execute/run.ts'
import type { Playbook } from '../runbook/contract.ts'
import { systemFiles } from '../runbook/file-access.ts'
import { matchHosts } from '../runbook/inventory/patterns.ts'
import { withPrompted } from '../runbook/selection/prompted.ts'
import { startAt } from '../runbook/selection/start-at.ts'
import { selectTags, type TagSelection, unreachableTags } from '../runbook/selection/tags.ts'
import type { CommandContext } from './command.ts'
import { limitOf } from './limit.ts'
import type { LoadedRunbook } from './load.ts'
import { answerPrompts, type Prompted } from './prompts.ts'
import { type RunbookFlags, tagsOf } from './runbook-flags.ts'

/** What the command line chose of a runbook. */
export interface Chosen {
  /** With the playbook of which only the chosen tasks are left. */
  readonly loaded: LoadedRunbook
  readonly program: Omit<ProgramOptions, 'mode' | 'run'>
  /** To choose the same again when the run is gone on with. */
  readonly invocation: Invocation
}

/** Where a choice comes from besides the flags. */
export interface ChoiceOptions {
  /** Answers to prompts that the run was given when it began. */
  readonly prompted?: Prompted
  /** False: nothing is going to run, so nobody is asked for anything. */
  readonly asks: boolean
  /** Tags where the flags name none. */
  readonly tags?: readonly string[]
}

/**
 * Applies `--tags`, `--skip-tags`, `--start-at-task` and `--limit`, and asks for what the playbook
 * prompts for; what is plainly wrong is told before anybody is asked.
 * @throws hosts.none_matched, run.nothing_matched, usage.invalid, usage.file_missing
 */
export async function chooseRunbook(
  loaded: LoadedRunbook,
  flags: RunbookFlags,
  context: CommandContext,
  options: ChoiceOptions,
): Promise<Chosen> {
  const { terminal } = context
  const limit = limitOf(flags.limit, terminal.directory, systemFiles)
  const given: TagSelection = { tags: tagsOf(flags.tags), skipTags: tagsOf(flags.skipTags) }
  const isFree = given.tags.length + given.skipTags.length === 0
  const selection = isFree ? { tags: options.tags ?? [], skipTags: [] } : given
  const warn = warner(context)
  for (const warning of unreachableTags(loaded.playbook, given)) warn(warning)
  const tagged = selectTags(loaded.playbook, selection)
  const answers = await answerPrompts(
    tagged,
    {
      extraVars: loaded.extraVars,
      asks: options.asks,
      ...(options.prompted === undefined ? {} : { before: options.prompted }),
    },
    context,
  )
  const program = (playbook: Playbook): Chosen['program'] => ({
    playbook,
    inventory: loaded.inventory,
    extraVars: loaded.extraVars,
    exposed: loaded.exposed,
    playbookDirectory: loaded.playbookDirectory,
    environment: terminal.environment,
    match: matching(loaded, warn),
    ...(limit === undefined ? {} : { limit }),
    settings: {
      forks: flags.forks,
      tags: given.tags.length === 0 ? ['all'] : given.tags,
      skipTags: given.skipTags,
      diff: flags.diff ?? false,
      step: flags.step ?? false,
    },
  })
  const prompted = withPrompted(tagged, answers.variables)
  const playbook = startingAt(flags.startAtTask, program(prompted))
  return {
    loaded: { ...loaded, playbook },
    program: program(playbook),
    invocation: invocationOf(flags, given, limit, answers.journaled, terminal.directory),
  }
}

function startingAt(glob: string | undefined, program: Chosen['program']): Playbook {
  const { playbook } = program
  if (glob === undefined) return playbook
  const { playHosts } = createProgram({ ...program, run: { id: '', started: '' }, mode: 'plan' })
  return startAt(playbook, glob, play => (playHosts[play]?.length ?? 0) > 0)
}

/** What the command line said besides playbook and inventory. */
function invocationOf(
  flags: RunbookFlags,
  { tags, skipTags }: TagSelection,
  limit: string | undefined,
  prompted: Prompted,
  directory: string,
): Invocation {
  return {
    directory,
    forks: flags.forks,
    ...(limit === undefined ? {} : { limit }),
    ...(flags.extraVars === undefined ? {} : { extra_vars: flags.extraVars }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(skipTags.length === 0 ? {} : { skip_tags: skipTags }),
    ...(flags.startAtTask === undefined ? {} : { start_at_task: flags.startAtTask }),
    ...(flags.forceHandlers ? { force_handlers: true } : {}),
    ...(flags.step ? { stepwise: true } : {}),
    ...(flags.diff ? { diff: true } : {}),
    ...(Object.keys(prompted).length === 0 ? {} : { prompted }),
  }
}

/** Hosts of a pattern; words that match nothing are told where others do, once. */
function matching(
  { inventory }: LoadedRunbook,
  warn: (message: string) => void,
): (pattern: string) => readonly string[] {
  return pattern => {
    const { hosts, warnings } = matchHosts(inventory, pattern)
    // A pattern that matches nothing at all is an error, and that says it.
    if (hosts.length > 0) for (const warning of warnings) warn(warning)
    return hosts
  }
}

function warner({ terminal, redactor }: CommandContext): (message: string) => void {
  const told = new Set<string>()
  return message => {
    if (told.has(message)) return
    told.add(message)
    terminal.stderr.write(`warning: ${redactor.redact(message)}\n`)
  }
}
