import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { type Controller, viewFromHere } from '../../src/execute/lock/controller.ts'
import { acquireLocalLock } from '../../src/execute/lock/local-lock.ts'
import type { Lock } from '../../src/execute/lock/registers.ts'
import { runLockName } from '../../src/execute/lock/run-lock.ts'
import { acquireStorageLock } from '../../src/execute/lock/storage-lock.ts'
import { createMirror } from '../../src/execute/mirror.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { type CliOutcome, runCli, temporaryFolder } from './run-cli.ts'

const run = '20260101_000000-abcdef'
let folder: ReturnType<typeof temporaryFolder>
let state: string

beforeEach(() => {
  folder = temporaryFolder()
  state = join(folder.path, 'state')
  mkdirSync(state, { mode: 0o700 })
})
afterEach(() => folder.remove())

const bkp = (...words: readonly string[]): Promise<CliOutcome> =>
  runCli(words, { directory: folder.path, environment: { BKP_STATE_DIR: state } })

const time = '2026-01-01T00:00:00.000Z'
const started = {
  ...{ seq: 1, time, run, event: 'run.started', version: 1, mode: 'apply' },
  ...{ playbook: 'book.yml', inventory: ['here,'], tool: 'bkp' },
}

/** A run on disk, as a process leaves it at any time. */
function journal(...events: readonly object[]): void {
  journalOf(run, ...events)
}

function journalOf(id: string, ...events: readonly object[]): void {
  const place = join(state, 'runs', id)
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, 'documents.json'), '[]')
  writeFileSync(
    join(place, 'journal.jsonl'),
    events.map(event => `${JSON.stringify(event)}\n`).join(''),
  )
}

/** A process of this machine that has ended, and one of a machine that cannot be seen. */
const gone: Controller = { host: hostname(), user: 'op', pid: 2 ** 22 + 1 }
const away: Controller = { host: 'elsewhere', user: 'op', pid: 42 }

async function requestOf(self?: Controller) {
  const view = await viewFromHere()
  return {
    run,
    controller: self === undefined ? view : { ...view, self },
    clock: systemClock,
    random: systemRandom,
    io: quietIo,
  }
}

async function lockRun(self?: Controller): Promise<Lock> {
  const request = await requestOf(self)
  return await acquireLocalLock({ ...request, stateDirectory: state, name: runLockName(run) })
}

const listed = async (): Promise<unknown> => JSON.parse((await bkp('runs', '--json')).stdout).runs

describe('runs', () => {
  test('are listed newest first, those of one second too', async () => {
    const begun = [
      ['20260101_000000-cccccc', '2026-01-01T00:00:00.100Z'],
      ['20260101_000000-aaaaaa', '2026-01-01T00:00:00.200Z'],
      ['20260101_000000-bbbbbb', '2026-01-01T00:00:00.300Z'],
      ['20260101_000001-aaaaaa', '2026-01-01T00:00:01.100Z'],
    ] as const
    for (const [id, time] of begun) journalOf(id, { ...started, run: id, time })
    expect(await listed()).toMatchObject(begun.map(([id]) => ({ id })).reverse())
  })
})

describe('a run whose process lives', () => {
  test('is running, until it lets go', async () => {
    journal(started)
    const lock = await lockRun()
    expect(await listed()).toMatchObject([
      { id: run, state: 'running', exit_code: null, holder: { pid: process.pid } },
    ])
    const shown = await bkp('runs', run)
    expect(shown.stdout).toContain('running')
    expect(shown.stdout).toContain(`in the hands of pid ${process.pid} of`)
    await lock.release()
    expect(await listed()).toMatchObject([{ id: run, state: 'interrupted' }])
  })

  test.each(['resume', 'abort', 'undo'])(
    'is not touched by %s, which says who has it',
    async how => {
      journal(started)
      const before = readFileSync(join(state, 'runs', run, 'journal.jsonl'), 'utf8')
      await lockRun()
      const { status, stderr } = await bkp(how, run)
      expect(status).toBe(8)
      expect(stderr).toContain(`run ${run} goes on already: pid ${process.pid} of`)
      expect(stderr).toContain(`kill -INT ${process.pid}`)
      expect(readFileSync(join(state, 'runs', run, 'journal.jsonl'), 'utf8')).toBe(before)
    },
  )

  test('is listed before it has written anything', async () => {
    journal()
    await lockRun()
    expect(await listed()).toMatchObject([{ id: run, state: 'running', playbook: '' }])
  })
})

test('a run whose process is gone was interrupted, one out of sight is unknown, one that ended is finished', async () => {
  journal(started)
  await lockRun(gone)
  const [interrupted] = (await listed()) as readonly object[]
  expect(interrupted).toMatchObject({ state: 'interrupted' })
  expect(interrupted).not.toHaveProperty('holder')
  rmSync(join(state, 'locks'), { recursive: true })
  await lockRun(away)
  expect(await listed()).toMatchObject([{ state: 'unknown', holder: { host: 'elsewhere' } }])
  journal(started, { seq: 2, time, run, event: 'run.finished', exit_code: 2, recap: {} })
  expect(await listed()).toMatchObject([{ state: 'finished', exit_code: 2 }])
})

describe('a run that died between its locks and its first event', () => {
  const url = (): string => `file://${join(folder.path, 'vault')}`
  const storage = () => createFileStorage({ directory: join(folder.path, 'vault') })
  const lockThere = async (name: string, self: Controller, of = run): Promise<Lock> => {
    const request = { ...(await requestOf(self)), run: of }
    return await acquireStorageLock({ ...request, name, storage: storage(), storageName: url() })
  }

  test.each(['abort', 'resume'])('lets go of its locks by bkp %s --from', async how => {
    await lockThere('graph', gone)
    await lockThere('other graph', gone)
    await lockThere('not its own', gone, '20260101_000000-fedcba')
    const { status, stdout, stderr } = await bkp(how, run, '--from', url())
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('was cut off before it began: nothing was done, nothing is owed')
    expect(stdout).toContain('locks "graph", "other graph" free again')
    const next = await lockThere('graph', gone, 'next-run')
    expect(next.tookOver).toBeUndefined()
    await expect(lockThere('not its own', gone, 'next-run')).rejects.toMatchObject({
      code: 'run.lock_held',
    })
    expect((await bkp(how, run, '--from', url())).status).toBe(0)
    expect((await bkp('owed', '-i', inventory(folder.path))).status).toBe(0)
  })

  test('stops at its first event, if it was only slow', async () => {
    const lock = await lockThere('graph', away)
    const slow = await createMirror({
      ...(await requestOf(away)),
      ...{ storage: storage(), storageName: url(), documents: [], history: [] },
      redact: text => text,
      controller: away,
    })
    slow.append(JSON.stringify(started))
    expect((await bkp('abort', run, '--from', url())).status).toBe(0)
    await expect(slow.synced()).rejects.toMatchObject({ code: 'run.lock_held' })
    await lock.release()
    const next = await lockThere('graph', gone, 'next-run')
    expect(next.tookOver).toBeUndefined()
  })

  test('is refused while its process is seen alive', async () => {
    const { host, user } = (await viewFromHere()).self
    await lockThere('graph', { host, user, pid: process.ppid })
    const { status, stderr } = await bkp('abort', run, '--from', url())
    expect(status).toBe(8)
    expect(stderr).toContain(`kill -INT ${process.ppid}`)
  })

  test('is ended by abort where its journal lies', async () => {
    journal()
    expect((await bkp('abort', run)).stdout).toContain('nothing was done')
    expect(await listed()).toMatchObject([{ state: 'finished', exit_code: 0 }])
  })

  test('is told apart from one that never was', async () => {
    const there = await bkp('abort', 'no-such-run', '--from', url())
    expect(there.status).toBe(5)
    expect(there.stderr).toContain('knows no run "no-such-run"')
    expect((await bkp('abort', 'no-such-run')).stderr).toContain('there is no run "no-such-run"')
  })
})

function inventory(directory: string): string {
  const path = join(directory, 'inventory.yml')
  writeFileSync(
    path,
    `all: { hosts: { h: {} } }\nstorages: { vault: { type: file, path: ${join(directory, 'vault')} } }\n`,
  )
  return path
}
