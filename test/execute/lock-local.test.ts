import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Controller,
  type ProcessTable,
  viewFromHere,
} from '../../src/execute/lock/controller.ts'
import { acquireLocalLock } from '../../src/execute/lock/local-lock.ts'
import type { Lock } from '../../src/execute/lock/registers.ts'
import { folder, refusalOf, tools, view } from './lock-support.ts'

const acquire = (
  stateDirectory: string,
  run: string,
  controller = view('ctl1', 100, () => 'alive'),
): Promise<Lock> => acquireLocalLock({ stateDirectory, name: 'graph', run, ...tools(controller) })

/** A process that only waits. */
async function sleeper(): Promise<{ readonly child: ChildProcess; readonly pid: number }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  await once(child, 'spawn')
  return { child, pid: child.pid ?? 0 }
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('a lock on this controller', () => {
  test('is one file that says who holds it; readable by this user only', async () => {
    const directory = await folder()
    const lock = await acquire(directory, 'run-1', view('ctl1', 42))
    const file = join(directory, 'locks/graph/00000001')
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      lock: 'graph',
      run: 'run-1',
      host: 'ctl1',
      pid: 42,
      user: 'op',
      since: '2026-11-21T10:00:00.000Z',
    })
    const alive = view('ctl1', 43, () => 'alive')
    const error = await refusalOf(acquire(directory, 'run-2', alive))
    expect(error.exit).toBe(8)
    expect(error.message).toBe(
      'lock "graph" is held by run run-1: pid 42 of op on ctl1, since 2026-11-21T10:00:00.000Z',
    )
    expect(error.hint).toBe(
      'it runs on this machine: wait for it, or interrupt it (kill -INT 42). If it cannot end: kill it, then bkp resume run-1 goes on with it, bkp abort run-1 settles and ends it',
    )
    const elsewhere = await refusalOf(acquire(directory, 'run-2', view('ctl2')))
    expect(elsewhere.hint).toContain(`where neither is possible, remove ${file}`)
    // The way that the message names.
    await rm(file)
    await acquire(directory, 'run-2')
    await lock.release()
    await refusalOf(acquire(directory, 'run-3', alive))
  })

  test('of a process that is gone is taken over, by one of 16', async () => {
    const directory = await folder()
    await acquire(directory, 'dead', view('ctl1', 42))
    const judge = ({ pid }: Controller) => (pid === 42 ? 'gone' : 'alive')
    const ends = await Promise.allSettled(
      Array.from({ length: 16 }, (_, at) =>
        acquire(directory, `run-${at}`, view('ctl1', 1000 + at, judge)),
      ),
    )
    const won = ends.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
    expect(won).toHaveLength(1)
    expect(won[0]?.tookOver?.run).toBe('dead')
  })

  test('of the same run: taken over from out of sight, not from a living process', async () => {
    const directory = await folder()
    await acquire(directory, 'run-1', view('ctl1', 42))
    const error = await refusalOf(
      acquire(
        directory,
        'run-1',
        view('ctl1', 43, () => 'alive'),
      ),
    )
    expect(error.message).toMatch(/^run run-1 goes on already/)
    await (
      await acquire(
        directory,
        'run-1',
        view('ctl2', 43, () => 'unknown'),
      )
    ).release()
    await acquire(directory, 'run-2')
  })

  test('frees itself when its process is killed', async () => {
    const directory = await folder()
    const { child, pid } = await sleeper()
    const here = await viewFromHere()
    const holder = await viewFromHere(undefined, { ...here.self, pid })
    await acquire(directory, 'run-1', holder)
    expect((await refusalOf(acquire(directory, 'run-2', here))).details['pid']).toBe(pid)
    await end(child)
    const next = await acquire(directory, 'run-2', here)
    expect(next.tookOver?.run).toBe('run-1')
    // We are alive: another process of this machine sees it.
    await refusalOf(acquire(directory, 'run-3', { ...here, self: { ...here.self, pid: 1 } }))
  })
})

describe('whether a process lives', () => {
  /** /proc of a machine with one other process, 42. */
  const table = (files: Readonly<Record<string, string>>, pidNamespace = 'pid:[1]') =>
    ({
      read: async path =>
        ({
          'sys/kernel/random/boot_id': 'boot-1\n',
          '7/stat': `7 (bkp) S ${'0 '.repeat(18)}500 0`,
          ...files,
        })[path],
      link: async () => pidNamespace,
      hasPid: pid => pid === 42,
    }) satisfies ProcessTable
  const who = { host: 'ctl1', user: 'op', pid: 7 }
  const stat = (state: string, start: string, name = 'bkp'): string =>
    `42 (${name}) ${state} ${'0 '.repeat(18)}${start} 0 0`
  const other = (process: Partial<Controller['process']> = {}, host = 'ctl1'): Controller => ({
    host,
    user: 'op',
    pid: 42,
    process: { boot: 'boot-1', pidNamespace: 'pid:[1]', start: '900', ...process },
  })

  test.each<readonly [string, Readonly<Record<string, string>>, Controller, string]>([
    ['it runs', { '42/stat': stat('S', '900') }, other(), 'alive'],
    [
      'its name is meant to deceive',
      { '42/stat': stat('S', '900', 'a) Z 1 (b') },
      other(),
      'alive',
    ],
    ['there is no such pid', {}, other(), 'gone'],
    ['its pid was given to another', { '42/stat': stat('S', '901') }, other(), 'gone'],
    ['it is a zombie', { '42/stat': stat('Z', '900') }, other(), 'gone'],
    ['the machine was rebooted', { '42/stat': stat('S', '900') }, other({ boot: 'b0' }), 'gone'],
    ['it is in another container', {}, other({ pidNamespace: 'pid:[2]' }), 'unknown'],
    ['it is on another host', {}, other({}, 'ctl2'), 'unknown'],
  ])('%s', async (_why, files, controller, expected) => {
    const seen = await viewFromHere(table(files), who)
    expect(seen.self.process).toEqual({ boot: 'boot-1', pidNamespace: 'pid:[1]', start: '500' })
    expect(await seen.livenessOf(controller)).toBe(expected)
  })

  test('without /proc the pid alone decides', async () => {
    const bare: ProcessTable = { ...table({}), read: async () => undefined }
    const seen = await viewFromHere(bare, who)
    expect(seen.self).toEqual(who)
    expect(await seen.livenessOf({ ...who, pid: 42 })).toBe('alive')
    expect(await seen.livenessOf({ ...who, pid: 43 })).toBe('gone')
  })

  test('this process sees itself, and a child until it ends', async () => {
    const here = await viewFromHere()
    expect(here.self.pid).toBe(process.pid)
    expect(await here.livenessOf(here.self)).toBe('alive')
    const { child, pid } = await sleeper()
    const { self } = await viewFromHere(undefined, { ...here.self, pid })
    expect(await here.livenessOf(self)).toBe('alive')
    await end(child)
    expect(await here.livenessOf(self)).toBe('gone')
  })
})
