import { exitCodes } from '../base/errors.ts'
import { createProgram } from '../engine/program.ts'
import { environmentName } from '../expression/functions.ts'
import { createScope, literal } from '../expression/scope.ts'
import { renderTree } from '../expression/tree.ts'
import type { Play, Step, Task } from '../runbook/contract.ts'
import { listedName, writtenText } from '../runbook/selection/task-name.ts'
import { type Chosen, chooseRunbook } from './chosen.ts'
import type { CommandContext } from './command.ts'
import { loadRunbook } from './load.ts'
import type { ListingFlags, RunbookFlags } from './runbook-flags.ts'

/** One play as it is listed. */
interface ListedPlay {
  readonly play: Play
  readonly hosts: readonly string[]
  readonly patterns: readonly string[]
}

/** True when the flags ask for a list, or a check of the files, in place of the command itself. */
export function isListing(flags: ListingFlags): boolean {
  return (flags.listTasks || flags.listHosts || flags.listTags || flags.syntaxCheck) === true
}

/**
 * Prints what the flags ask for, in the form of ansible-playbook, but hosts in the order of the play.
 * Nothing is connected to, nobody is asked. @throws everything that can be wrong with the files
 */
export async function listRunbook(
  path: string,
  flags: RunbookFlags & ListingFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, redactor } = context
  const read = await loadRunbook(path, flags, context)
  const lines = ['', `playbook: ${path}`]
  if (!flags.syntaxCheck) {
    // As in Ansible: who lists tags without naming any wants to see those that never run, too.
    const tags = flags.listTags ? { tags: ['never', 'all'] } : {}
    const chosen = await chooseRunbook(read, flags, context, { asks: false, ...tags })
    for (const [index, play] of playsOf(chosen).entries()) lines.push(...listed(play, index, flags))
  }
  terminal.stdout.write(redactor.redact(`${lines.join('\n')}\n`))
  return exitCodes.done
}

function playsOf({ program }: Chosen): readonly ListedPlay[] {
  const { playHosts } = createProgram({ ...program, run: { id: '', started: '' }, mode: 'plan' })
  return program.playbook.plays.map((play, index) => ({
    play,
    hosts: playHosts[index] ?? [],
    patterns: patternsOf(play, program),
  }))
}

/** The words of `hosts:`; its expressions see what they see in a run. */
export function patternsOf(
  play: Play,
  {
    extraVars,
    environment = () => undefined,
  }: Pick<Chosen['program'], 'extraVars' | 'environment'>,
): readonly string[] {
  const magic = new Map([[environmentName, literal(environment)]])
  const rendered = renderTree(play.hosts, createScope([magic, play.vars, extraVars]))
  const words = Array.isArray(rendered) ? rendered : String(rendered).split(',')
  return words.map(word => String(word).trim())
}

function listed(
  { play, hosts, patterns }: ListedPlay,
  index: number,
  flags: ListingFlags,
): readonly string[] {
  const name = play.name === undefined ? patterns.join(',') : writtenText(play.name)
  const own = play.tags ?? []
  const lines = [
    '',
    `  play #${index + 1} (${patterns.join(',')}): ${name}\tTAGS: [${own.join(',')}]`,
  ]
  if (flags.listHosts) {
    lines.push(`    pattern: [${patterns.map(pattern => `'${pattern}'`).join(', ')}]`)
    lines.push(`    hosts (${hosts.length}):`, ...hosts.map(host => `      ${host}`))
  }
  const tasks = mainTasks(play.tasks)
  if (flags.listTasks) {
    lines.push('    tasks:')
    for (const task of tasks) {
      lines.push(`      ${listedName(task)}\tTAGS: [${sorted([...own, ...task.tags])}]`)
    }
  }
  if (flags.listTags) {
    lines.push(`      TASK TAGS: [${sorted([...own, ...tasks.flatMap(task => task.tags)])}]`)
  }
  return lines
}

/** What runs where nothing fails: the main parts of blocks alone, as Ansible lists them. */
function mainTasks(steps: readonly Step[]): readonly Task[] {
  return steps.flatMap(step => {
    if (step.kind === 'block') return mainTasks(step.block)
    return step.implicit ? [] : [step]
  })
}

function sorted(tags: readonly string[]): string {
  return [...new Set(tags)].toSorted().join(', ')
}
