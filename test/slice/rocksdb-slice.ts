import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RocksDb, rocksDb, type Scan } from '../servers/rocksdb.ts'
import { explain, listBackups, type Outcome, playbooks } from './bkp.ts'
import { checkRepository } from './checker.ts'
import { dataFolder, type Fleet, type FleetHost } from './fleet.ts'
import { contents, type Listing, listing, runHere } from './listing.ts'
import { readOnlyController } from './read-only.ts'
import { traceOpens } from './trace.ts'

/** The hosts, and what makes their databases different. */
export const names = ['north', 'east', 'west'] as const
const live = `${dataFolder}/db`
const checkpointFolder = `${dataFolder}/checkpoints`

const database = (host: FleetHost): RocksDb => rocksDb(host.run, live)
const pathsOf = (checkpoint: string): string =>
  JSON.stringify({
    cluster: 'databases',
    backup_paths: [{ path: `${checkpointFolder}/${checkpoint}`, as: live }],
  })

/** The cluster's own settings, as the slice needs them. */
export type StartFleet = (settings: Readonly<Record<string, unknown>>) => Promise<Fleet>

/** Backup, incremental backup, plan, refusal, restore and verification of real databases. */
export function rocksDbSlice(title: string, start: StartFleet): void {
  let fleet: Fleet
  const first = new Map<string, Scan>()
  const checkpoints = { c1: new Map<string, Listing>(), c2: new Map<string, Listing>() }

  const run = (words: readonly string[], options = {}): Outcome =>
    fleet.run([...words, '-i', fleet.inventory], options)
  const backUp = (checkpoint: string): Outcome =>
    run(['run', playbooks.backup, '-e', pathsOf(checkpoint)])
  const restoreWords = (): readonly string[] => [
    playbooks.restore,
    '-e',
    `backup=${listBackups(fleet)[0]?.name}`,
    '-e',
    'cluster=databases',
  ]

  function checkpoint(name: 'c1' | 'c2'): void {
    for (const host of fleet.hosts) {
      database(host).checkpoint(`${checkpointFolder}/${name}`)
      checkpoints[name].set(host.name, listing(host.run, `${checkpointFolder}/${name}`))
    }
  }

  /** Everything that a plan or a refused run must not touch: ctimes and inodes, too. */
  async function everything(): Promise<Record<string, unknown>> {
    return {
      controller: listing(runHere, fleet.folder, { changes: true }),
      storage: await fleet.store.state(),
      ...Object.fromEntries(
        fleet.hosts.map(host => [host.name, listing(host.run, dataFolder, { changes: true })]),
      ),
    }
  }

  beforeAll(async () => {
    fleet = await start({ identity: 'inode', paths: [live] })
    for (const host of fleet.hosts) {
      host.run(`mkdir -p ${checkpointFolder}`)
      for (const part of ['a', 'b', 'c']) database(host).load(`${host.name}-${part}`, 20_000)
    }
    // Several blocks of 8 MiB on one of them.
    database(fleet.host('east')).load('east-big', 400_000)
  })
  afterAll(() => fleet?.stop())

  describe(`checkpoints of RocksDB on three hosts, ${title}`, () => {
    it('are stored over SSH: the controller cannot see them', () => {
      for (const host of fleet.hosts) first.set(host.name, database(host).scan())
      checkpoint('c1')
      expect(existsSync(checkpointFolder)).toBe(false)
      const outcome = backUp('c1')
      expect(outcome.status, explain(outcome)).toBe(0)
      expect(listBackups(fleet)).toMatchObject([{ state: 'complete', kind: 'full', parent: null }])
    })

    it('are read and sent only as far as they are new', async () => {
      for (const host of fleet.hosts) database(host).load(`${host.name}-later`, 1000)
      checkpoint('c2')
      const traces = await Promise.all(
        fleet.hosts.map(({ name, sshdPid }) =>
          traceOpens(sshdPid, join(fleet.folder, `${name}.strace`)),
        ),
      )
      const outcome = backUp('c2')
      const opened = await Promise.all(traces.map(trace => trace.stop()))
      expect(outcome.status, explain(outcome)).toBe(0)

      let newBytes = 0
      for (const [index, { name, run }] of fleet.hosts.entries()) {
        const known = sstsOf(checkpoints.c1.get(name))
        const added = sstsOf(checkpoints.c2.get(name)).filter(sst => !known.includes(sst))
        const read = new Set(opened[index]?.map(path => path.slice(path.lastIndexOf('/') + 1)))
        expect(known.length, name).toBeGreaterThanOrEqual(3)
        expect(added.length, name).toBeGreaterThanOrEqual(1)
        expect(
          known.filter(sst => read.has(sst)),
          name,
        ).toEqual([])
        expect(
          added.filter(sst => !read.has(sst)),
          name,
        ).toEqual([])
        newBytes += Number(
          run(`cd ${checkpointFolder}/c2 && stat -c %s ${added.join(' ')} MANIFEST* CURRENT OPTIONS* |
          awk '{ sum += $1 } END { print sum }'`),
        )
      }
      const [full, incremental] = listBackups(fleet)
      expect(incremental).toMatchObject({
        state: 'complete',
        kind: 'incremental',
        parent: full?.name,
      })
      // What is new on the hosts; beside it only lists and the recovery kit.
      expect(incremental?.new_bytes).toBeLessThan(newBytes + 100_000)
      expect(incremental?.bytes).toBeGreaterThan(20_000_000)
    })

    it('can be rebuilt from the repository by the format alone', async () => {
      const repository = await fleet.store.folder()
      const unnamed = runHere(`cd ${repository}/data && find . -type f -exec sha256sum {} + |
      awk '{ name = $2; sub(/.*\\//, "", name); sub(/\\..*/, "", name); if (name != $1) print }'`)
      expect(unnamed).toBe('')
      const [one, two] = checkRepository(repository)
      for (const host of names) {
        for (const [backup, checkpoint] of [
          [one, 'c1'],
          [two, 'c2'],
        ] as const) {
          const stored = Object.entries(contents(checkpoints[checkpoint].get(host) ?? {}))
          expect(stored.length).toBeGreaterThan(5)
          expect(backup?.hosts[host]).toEqual(
            Object.fromEntries(stored.map(([path, sum]) => [live + path, sum])),
          )
        }
      }
    })

    it('are planned to be restored without a byte, a time or an inode changed anywhere', async () => {
      const before = await everything()
      const outcome = run(['plan', ...restoreWords()])
      expect(outcome.status, explain(outcome)).toBe(0)
      expect(outcome.stdout).toContain(live)
      expect(await everything()).toEqual(before)
    })

    it('give the same plan where nothing at all can be written', () => {
      const words = ['plan', ...restoreWords(), '--json']
      const writable = run(words)
      expect(writable.status, explain(writable)).toBe(0)
      const plan = JSON.parse(writable.stdout) as { readonly digest: string }
      expect(plan.digest).toMatch(/^[0-9a-f]{64}$/)
      // Less room is no other plan.
      for (const host of fleet.hosts) host.run(`head -c 300000000 /dev/zero >${dataFolder}/other`)
      for (const host of fleet.hosts) host.setReadOnly(true)
      try {
        expect(() => fleet.host('north').run(`touch ${dataFolder}/x`)).toThrow(/[Rr]ead-only/)
        const outcome = run(words, { under: readOnlyController })
        expect(outcome.status, explain(outcome)).toBe(0)
        expect(JSON.parse(outcome.stdout)).toEqual(plan)
        // To do it is another matter.
        const refused = run(['run', ...restoreWords(), '--confirm=databases'])
        expect(refused.status, explain(refused)).toBe(2)
        expect(refused.stdout + refused.stderr).toContain('is mounted read-only')
      } finally {
        for (const host of fleet.hosts) host.setReadOnly(false)
        for (const host of fleet.hosts) host.run(`rm ${dataFolder}/other`)
      }
    })

    it('are not restored unless the name of the cluster is given', async () => {
      const before = await everything()
      for (const confirm of [[], ['--confirm'], ['--confirm=wrong']]) {
        const outcome = run(['run', ...restoreWords(), ...confirm])
        expect(outcome.status, explain(outcome)).toBe(8)
        expect(outcome.stderr).toContain('--confirm=databases')
        expect(await everything()).toEqual(before)
      }
    })

    it('bring the databases back as they were, row for row', () => {
      // Nothing of the checkpoint is left in this one: all of it must be fetched.
      database(fleet.host('west')).compact()
      fleet.host('west').run(`rm -rf ${checkpointFolder}`)
      for (const host of fleet.hosts)
        expect(database(host).scan()).not.toEqual(first.get(host.name))
      const outcome = run(['run', ...restoreWords(), '--confirm=databases'])
      expect(outcome.status, explain(outcome)).toBe(0)
      for (const host of fleet.hosts) {
        expect(contents(listing(host.run, live)), host.name).toEqual(
          contents(checkpoints.c1.get(host.name) ?? {}),
        )
        expect(database(host).scan(), host.name).toEqual(first.get(host.name))
      }
    })

    it('are verified, every byte read back', () => {
      const outcome = fleet.run(['verify', fleet.storageUrl, '--read-data'])
      expect(outcome.status, explain(outcome)).toBe(0)
    })
  })
}

function sstsOf(found: Listing | undefined): readonly string[] {
  return Object.keys(found ?? {})
    .filter(path => path.endsWith('.sst'))
    .map(path => path.slice(2))
}
