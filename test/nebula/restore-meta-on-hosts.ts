import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Generation } from '../../src/databases/nebula/contract.ts'
import type { RunEvent } from '../../src/events/events.ts'
import { startNebula } from '../servers/nebula/cluster.ts'
import type { NebulaCluster } from '../servers/nebula/contract.ts'
import { explain, makeWorkspace, type Outcome, type Workspace } from '../slice/bkp.ts'

const backup = fileURLToPath(new URL('../../playbooks/nebula/backup.yml', import.meta.url))

/** Where storageds go, within the cluster or to those of another, and what nebula.restore_plan makes of that. */
interface Change {
  readonly metads: 1 | 2
  readonly map: 'swap' | 'move'
  readonly method: 'restore_meta' | 'http_replace'
  /** Up to 3.0 a swap goes through a name that no service can have. */
  readonly pairs: number
}

interface MetaPlan {
  readonly files: readonly string[]
  readonly pairs: readonly { readonly from: string; readonly to: string }[]
  readonly method: string
}

/** Metads of a generation that lost all tables get those of a backup, with other addresses. */
export function restoresMeta(generation: Generation, change: Change): void {
  describe(`nebula.restore_meta with metads of ${generation}, ${change.metads} of them, and a ${change.map}`, () => {
    let source: NebulaCluster
    let cluster: NebulaCluster
    let workspace: Workspace
    beforeAll(async () => {
      const options = {
        generation,
        metads: change.metads,
        storageds: 2,
        graphds: 0,
        dataPaths: 1,
      } as const
      source = await startNebula({ ...options, spaces: [{ name: 'nba', partitions: 3, rows: 5 }] })
      cluster =
        change.map === 'swap' ? source : await startNebula({ ...options, prefix: 'c', spaces: [] })
      workspace = makeWorkspace()
    })
    afterAll(async () => {
      if (cluster !== source) await cluster?.stop()
      await source?.stop()
      workspace?.remove()
    })

    function run(
      playbook: string,
      on: NebulaCluster,
      settings: Readonly<Record<string, unknown>>,
      ...words: readonly string[]
    ): Outcome {
      const storages = { vault: { type: 'file', path: workspace.storage } }
      const inventory = { ...on.inventory(settings), storages }
      writeFileSync(workspace.inventory, JSON.stringify(inventory))
      return workspace.run(['run', playbook, '-i', workspace.inventory, ...words])
    }
    function step(module: string, args: object, settings = {}): Outcome {
      const path = join(workspace.folder, 'step.yml')
      const tasks = [
        { name: 'the step', [module]: { cluster: 'graph', storage: 'vault', ...args } },
      ]
      writeFileSync(path, JSON.stringify([{ hosts: 'all', gather_facts: false, tasks }]))
      return run(path, cluster, settings, '--output', 'json')
    }
    const left = () =>
      cluster.metads.flatMap(({ host, dataDirs }) =>
        cluster
          .run(host, `ls -A ${dataDirs[0]}`)
          .split('\n')
          .filter(name => name.startsWith('.bkp')),
      )

    it('gives every metad all of them, again where one fails half-way', async () => {
      const made = run(backup, source, {})
      expect(made.status, explain(made)).toBe(0)
      const before = await source.partitionHosts()
      const host_map = Object.fromEntries(
        source.storageds.map(({ address }, at) => [
          address,
          cluster.storageds[1 - at]?.address ?? '',
        ]),
      )
      const planned = step('nebula.restore_plan', { host_map })
      expect(planned.status, explain(planned)).toBe(0)
      const { files, pairs, method } = metaPlanOf(planned)
      expect([method, pairs.length], explain(planned)).toEqual([change.method, change.pairs])

      await cluster.stopServices(...cluster.services)
      for (const { host, dataDirs } of cluster.metads) {
        cluster.run(host, `mv ${dataDirs[0]}/nebula ${dataDirs[0]}/lost`)
      }
      await cluster.start(...cluster.metads)
      await cluster.leader()
      const [metad] = cluster.metads
      if (metad === undefined) throw new Error('no metad')
      await cluster.fault(metad, { method: 'restoreMeta:ingested', code: 'E_RESTORE_FAILURE' })
      const done = step('nebula.restore_meta', { files, pairs, method, timeout: '20s' })
      expect(done.status, explain(done)).toBe(0)
      const calls = (await cluster.calls(metad)).filter(call => call.method === 'restoreMeta')
      expect(calls.map(({ code }) => code)).toEqual(['E_RESTORE_FAILURE', 'SUCCEEDED'])
      expect(await cluster.partitionHosts()).toEqual(before.map(each => host_map[each]))
      expect(left()).toEqual([])
    })

    it('says what was made sure of where a metad cannot read them, and leaves nothing', async () => {
      const before = await cluster.partitionHosts()
      // As in a container that has the folder under another name than it should.
      const settings = { path_map: { all: { '/elsewhere': cluster.dataDir } } }
      const failed = step('nebula.restore_meta', { timeout: '20s' }, settings)
      expect(failed.status, explain(failed)).toBe(2)
      for (const words of [
        'did not take the meta tables',
        'E_RESTORE_FAILURE',
        'each with its sha256; the owner of the data path can read them',
        'it reads /elsewhere/',
      ]) {
        expect(failed.stdout + failed.stderr).toContain(words)
      }
      expect(await cluster.partitionHosts()).toEqual(before)
      expect(left()).toEqual([])
    })
  })
}

function metaPlanOf({ stdout }: Outcome): MetaPlan {
  const events = stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as RunEvent)
  const finished = events.find(event => event.event === 'step.finished')
  if (finished?.event !== 'step.finished') throw new Error(stdout)
  return (finished.result as { readonly meta: MetaPlan }).meta
}
