import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli } from '../cli/run-cli.ts'
import type { Observed, Scenario, ScenarioRun } from './scenarios.ts'

/**
 * Runs a scenario with bkp as its README says: an empty log, an empty folder for what it leaves. In this
 * process, whose folder and environment the shells of hosts inherit: one at a time.
 */
export async function observe(
  scenario: Scenario,
  run: ScenarioRun,
): Promise<Observed & { readonly output: string }> {
  const scratch = mkdtempSync(join(tmpdir(), 'bkp-ansible-'))
  try {
    const work = join(scratch, 'work')
    cpSync(scenario.directory, work, { recursive: true })
    const state = join(scratch, 'state')
    mkdirSync(state)
    const log = join(scratch, 'log')
    const words = [
      'run',
      run.playbook ?? 'playbook.yml',
      '-i',
      run.inventory ?? 'inventory.yml',
      ...['--forks', String(run.forks ?? 1)],
      ...['--output', 'json', '--state-dir', join(scratch, 'runs')],
      ...(run.args ?? []),
    ]
    const { status, stdout, stderr } = await within(work, { LOG: log, STATE: state }, () =>
      runCli(words, { directory: work, environment: { LOG: log, STATE: state } }),
    )
    const output = stdout + stderr
    const last = output.split('\n').findLast(line => line.startsWith('{"seq"'))
    const end = last === undefined ? {} : (JSON.parse(last) as { recap?: Observed['recap'] })
    const written = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : []
    const lines = written.filter(line => line !== '')
    return {
      exit_code: status,
      events: inOrder(lines, run.order),
      recap: end.recap ?? {},
      state_files: readdirSync(state).sort(),
      max_concurrency: atOnce(lines),
      output,
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Does something with this process in a folder and with variables of its own. */
async function within<T>(
  directory: string,
  variables: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const before = process.cwd()
  process.chdir(directory)
  Object.assign(process.env, variables)
  try {
    return await work()
  } finally {
    process.chdir(before)
    for (const name of Object.keys(variables)) delete process.env[name]
  }
}

/** How many bodies of steps, between their lines `begin` and `end`, there were at once. */
function atOnce(lines: readonly string[]): number {
  let now = 0
  return Math.max(
    0,
    ...lines.map(line => {
      const [, word] = line.split(' ')
      if (word === 'begin') now += 1
      if (word === 'end') now -= 1
      return now
    }),
  )
}

/** The log as the recording has it. */
function inOrder(lines: readonly string[], order: ScenarioRun['order']): Observed['events'] {
  switch (order) {
    case 'exact':
      return lines
    case 'set':
      return [...lines].sort()
    case 'barrier':
      return byStep(lines)
    case 'per-host':
      return byHost(lines)
  }
}

/** Steps in their order, hosts sorted within one. */
function byStep(lines: readonly string[]): readonly string[] {
  const steps: { readonly step: string; readonly lines: string[] }[] = []
  for (const line of lines) {
    const step = line.split(' ')[1] ?? ''
    const last = steps.at(-1)
    if (last?.step === step) last.lines.push(line)
    else steps.push({ step, lines: [line] })
  }
  return steps.flatMap(({ lines: own }) => own.sort())
}

function byHost(lines: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const hosts: Record<string, string[]> = {}
  for (const line of lines) {
    const [host = '', ...rest] = line.split(' ')
    hosts[host] = [...(hosts[host] ?? []), rest.join(' ')]
  }
  return hosts
}
