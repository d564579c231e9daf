import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a run of a scenario did: of Ansible as recorded, or of bkp as seen. */
export interface Observed {
  readonly exit_code: number
  /** Lines of the log: in order, or by host where only each host's own order counts. */
  readonly events: readonly string[] | Readonly<Record<string, readonly string[]>>
  /** Empty where nothing was counted. */
  readonly recap: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly state_files?: readonly string[]
  readonly max_concurrency?: number
  readonly listed_hosts?: readonly string[]
}

export interface ScenarioRun {
  readonly name: string
  readonly args?: readonly string[]
  readonly forks?: number
  readonly playbook?: string
  readonly inventory?: string
  /** How events were brought into an order that can be compared (../shared/ansible-diff/README.md). */
  readonly order: 'exact' | 'barrier' | 'per-host' | 'set'
  readonly expected: Observed
}

export interface Scenario {
  readonly name: string
  readonly directory: string
  readonly runs: readonly ScenarioRun[]
}

interface RecordedRun extends Observed, Omit<ScenarioRun, 'expected'> {}

/** The scenarios in bkp syntax, each with what Ansible 2.19 did. */
export function readScenarios(root: string): readonly Scenario[] {
  return readdirSync(join(root, 'expected'))
    .filter(file => file.endsWith('.json'))
    .map(file => {
      const recorded = JSON.parse(readFileSync(join(root, 'expected', file), 'utf8')) as {
        readonly name: string
        readonly runs: readonly RecordedRun[]
      }
      const directory = join(root, 'scenarios', recorded.name)
      if (!existsSync(directory)) throw new Error(`${recorded.name} has no scenario`)
      const runs = recorded.runs.map(run => ({ ...run, expected: run }))
      return { name: recorded.name, directory, runs }
    })
}
