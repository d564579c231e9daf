import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startNebula } from '../servers/nebula/cluster.ts'
import type { NebulaCluster } from '../servers/nebula/contract.ts'
import { explain, makeWorkspace, type Outcome, type Workspace } from '../slice/bkp.ts'

let cluster: NebulaCluster
let workspace: Workspace
beforeAll(async () => {
  cluster = await startNebula({
    generation: '3.3',
    metads: 2,
    storageds: 2,
    dataPaths: 1,
    // Longer than the script, which returns at once, and than the first looks.
    stopMs: 500,
    startMs: 300,
  })
  workspace = makeWorkspace()
  writeFileSync(workspace.inventory, JSON.stringify(cluster.inventory()))
})
// What a test that failed has stopped runs again before the next.
beforeEach(async () => {
  await cluster.start(...cluster.services.filter(service => !cluster.isRunning(service)))
  await cluster.settled()
})
afterAll(async () => {
  await cluster?.stop()
  workspace?.remove()
})

/** Runs one step. */
function run(
  step: Readonly<Record<string, unknown>>,
  verb: 'run' | 'plan' = 'run',
  module = 'nebula.service',
): Outcome {
  const tasks = [{ name: 'the step', [module]: { cluster: 'graph', ...step } }]
  writeFileSync(
    join(workspace.folder, 'step.yml'),
    JSON.stringify([{ hosts: 'all', gather_facts: false, tasks }]),
  )
  const words = [verb, join(workspace.folder, 'step.yml'), '-i', workspace.inventory]
  return workspace.run(words)
}

describe('nebula.service on hosts', () => {
  it('stops all, however long that takes, says so in a plan, and starts all', async () => {
    const plan = run({ role: 'all', state: 'stopped' }, 'plan')
    expect(plan.stdout, explain(plan)).toContain('nebula-storaged')
    const down = run({ role: 'all', state: 'stopped' })
    expect(down.status, explain(down)).toBe(0)
    expect(cluster.services.filter(service => cluster.isRunning(service))).toEqual([])
    const up = run({ role: 'all', state: 'started' })
    expect(up.status, explain(up)).toBe(0)
    expect(cluster.services.every(service => cluster.isRunning(service))).toBe(true)
    await cluster.settled()
  })

  it('run with what their files said when they were started, which a check asks them for', async () => {
    const [storaged] = cluster.storageds
    if (storaged === undefined) throw new Error('no storaged')
    const { host, dataDirs } = storaged
    const sound = run({}, 'run', 'nebula.check')
    expect(sound.status, explain(sound)).toBe(0)
    const conf = `${cluster.installDir}/etc/nebula-storaged.conf`
    const other = `${cluster.dataDir}/other`
    cluster.run(
      host,
      `mkdir -p ${other}/nebula; cp -p ${conf} ${conf}.old; sed -i 's|^--data_path=.*|--data_path=${other}|' ${conf}`,
    )
    const check = run({}, 'run', 'nebula.check')
    cluster.run(host, `mv ${conf}.old ${conf}; rm -r ${other}`)
    expect(check.status, explain(check)).toBe(2)
    expect(check.stdout).toContain(
      `runs with --data_path=${dataDirs.join()}, and bkp looks at ${other}`,
    )
  })
})
