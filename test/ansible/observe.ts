import { execFile } from 'node:child_process'
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
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Observed, Scenario, ScenarioRun } from './scenarios.ts'

const execute = promisify(execFile)
const program = resolve('dist/cli/main.js')

/** Runs a scenario with bkp as its README says: an empty log, an empty folder for what it leaves. */
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
      program,
      'run',
      run.playbook ?? 'playbook.yml',
      '-i',
      run.inventory ?? 'inventory.yml',
      ...['--forks', String(run.forks ?? 1)],
      ...['--output', 'json', '--state-dir', join(scratch, 'runs')],
      ...(run.args ?? []),
    ]
    const { status, output } = await finished(words, work, { LOG: log, STATE: state })
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

async function finished(
  words: readonly string[],
  directory: string,
  variables: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly output: string }> {
  const env = { ...process.env, ...variables }
  try {
    const { stdout, stderr } = await execute(process.execPath, [...words], { cwd: directory, env })
    return { status: 0, output: stdout + stderr }
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string }
    return { status: code, output: `${stdout}${stderr}` }
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
