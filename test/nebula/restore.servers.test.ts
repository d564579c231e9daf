import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startNebula } from '../servers/nebula/cluster.ts'
import type { NebulaCluster } from '../servers/nebula/contract.ts'
import { explain, makeWorkspace, type Outcome, type Workspace } from '../slice/bkp.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const playbook = (name: string): string => join(root, 'playbooks/nebula', `${name}.yml`)

let workspace: Workspace
let graph: NebulaCluster
let copy: NebulaCluster

beforeAll(async () => {
  workspace = makeWorkspace()
  graph = await startNebula({
    generation: '3.3',
    agents: true,
    metads: 2,
    storageds: 2,
    dataPaths: 1,
    spaces: [
      { name: 'basketball', replicas: 2 },
      { name: 'cars', partitions: 3 },
    ],
  })
  copy = await startNebula({
    generation: '3.3',
    agents: true,
    storageds: 2,
    dataPaths: 1,
    prefix: 'c',
    spaces: [],
  })
})
afterAll(async () => {
  await copy?.stop()
  await graph?.stop()
  workspace?.remove()
})

/** Runs a playbook that ships against one of the clusters. */
function run(name: string, cluster: NebulaCluster, ...words: readonly string[]): Outcome {
  const inventory = {
    ...cluster.inventory(),
    storages: { vault: { type: 'file', path: workspace.storage } },
  }
  writeFileSync(workspace.inventory, JSON.stringify(inventory))
  return workspace.run(['run', playbook(name), '-i', workspace.inventory, ...words])
}

function requireStatus(outcome: Outcome, status: number): void {
  expect(outcome.status, explain(outcome)).toBe(status)
}

const rowsOf = async (cluster: NebulaCluster) => ({
  basketball: await cluster.rows('basketball'),
  cars: await cluster.rows('cars'),
})

describe('playbooks/nebula/restore.yml with 3.3', () => {
  let backedUp: Awaited<ReturnType<typeof rowsOf>>

  it('restores to the same hosts, and sets aside what came later', async () => {
    backedUp = await rowsOf(graph)
    requireStatus(run('backup', graph), 0)
    await graph.addRows('basketball', 50)
    await graph.createSpace({ name: 'later', rows: 10 })
    const outcome = run('restore', graph, '--confirm=graph')
    requireStatus(outcome, 0)
    expect(outcome.stdout).toMatch(/it was down for \d+ s/)
    await graph.settled()
    expect(await rowsOf(graph)).toEqual(backedUp)
    await expect(graph.spaceId('later')).rejects.toThrow('no space later')
  })

  it('puts everything back where a storaged does not start with what was restored', async () => {
    await graph.addRows('cars', 20)
    const before = await rowsOf(graph)
    expect(before).not.toEqual(backedUp)
    // It does not start with what was restored: found out only once everything was swapped.
    const [storaged] = graph.storageds
    if (storaged === undefined) throw new Error('no storaged')
    const script = `${graph.installDir}/scripts/nebula.service`
    const kept = `ls -d ${graph.dataDir}/disk0/nebula/.bkp-*/old 2>/dev/null | wc -l`
    const keptBefore = Number(graph.run(storaged.host, kept))
    const refuse = `case "$*" in *"start storaged"*) [ "$(${kept})" -le ${keptBefore} ] || exit 1;; esac`
    graph.run(storaged.host, `cp -p ${script} ${script}.whole; sed -i '1a ${refuse}' ${script}`)
    const outcome = run('restore', graph, '--confirm=graph', '-e', 'timeout=30s')
    graph.run(storaged.host, `mv ${script}.whole ${script}`)
    requireStatus(outcome, 2)
    expect(outcome.stdout).toContain('the restore failed and graph is as it was')
    await graph.settled()
    expect(await rowsOf(graph)).toEqual(before)
  })

  it('restores to other hosts by a map', async () => {
    const host_map = Object.fromEntries(
      graph.storageds.map(({ address }, at) => [address, copy.storageds[1 - at]?.address]),
    )
    const variables = JSON.stringify({ of: 'graph', host_map })
    const outcome = run('restore', copy, '--confirm=graph', '-e', variables)
    requireStatus(outcome, 0)
    await copy.settled()
    expect(await rowsOf(copy)).toEqual(backedUp)
    const addresses = new Set(copy.storageds.map(({ address }) => address))
    expect((await copy.partitionHosts()).filter(address => !addresses.has(address))).toEqual([])
  })

  it('refuses other hosts without a map, before anything is done', async () => {
    const outcome = run('restore', copy, '--confirm=graph', '-e', 'of=graph')
    requireStatus(outcome, 2)
    expect(outcome.stdout + outcome.stderr).toContain('held partitions')
    expect(copy.services.filter(service => !copy.isRunning(service))).toEqual([])
  })
})
