import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { differences as ofGiven } from './differences.ts'
import { observe } from './observe.ts'
import { type Observed, readScenarios, type ScenarioRun } from './scenarios.ts'
import { differences as ofSecond } from './second/differences.ts'

// Those that were given, and as many more that were recorded in the same way.
const sets = [
  { root: 'test/ansible', differences: ofGiven },
  { root: 'test/ansible/second', differences: ofSecond },
]
const differences = sets.flatMap(set => set.differences)
const scenarios = sets.flatMap(({ root }) => readScenarios(resolve(root)))

describe.each(scenarios)('$name', scenario => {
  it.each(scenario.runs)('$name', async run => {
    const seen = await observe(scenario, run)
    const wanted = wantedOf(scenario.name, run)
    expect(comparable(seen, wanted), seen.output).toEqual(comparable(wanted, wanted))
  })
})

it('every difference concerns a run that there is', () => {
  const known = scenarios.flatMap(({ name, runs }) => runs.map(run => `${name}/${run.name}`))
  expect(
    differences.map(({ scenario, run }) => `${scenario}/${run}`).filter(id => !known.includes(id)),
  ).toEqual([])
})

function wantedOf(scenario: string, run: ScenarioRun): Observed {
  const own = differences.filter(each => each.scenario === scenario && each.run === run.name)
  return Object.assign({}, run.expected, ...own.map(({ wanted }) => wanted)) as Observed
}

/** What was recorded, in a form that can be compared: Python prints True where bkp prints true. */
function comparable(seen: Observed, recorded: Observed): unknown {
  const { exit_code, events, recap, state_files, max_concurrency } = seen
  return {
    exit_code,
    events: JSON.parse(JSON.stringify(events).toLowerCase()) as unknown,
    recap,
    ...(recorded.state_files === undefined ? {} : { state_files }),
    ...(recorded.max_concurrency === undefined ? {} : { max_concurrency }),
  }
}
