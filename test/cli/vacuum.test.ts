import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRepository } from '../../src/repository/repository.ts'
import { announce } from '../../src/repository/session.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  memoryHost,
  quietIo,
  stateOf,
  testClock,
  testRandom,
} from '../repository/support.ts'
import { type CliOptions, type CliOutcome, runCli, temporaryFolder } from './run-cli.ts'

const dayMs = 24 * 60 * 60 * 1000
const folder = temporaryFolder()
afterAll(folder.remove)
const storage = createFileStorage({ directory: `${folder.path}/vault` })
const names: string[] = []

/** Backups of the last four days: the program goes by the real clock. */
beforeAll(async () => {
  const host = memoryHost('db1')
  for (const age of [4, 3, 2, 1]) {
    host.set('own', `${age} `.repeat(50))
    const clock = testClock(new Date(Date.now() - age * dayMs).toISOString())
    const options = backupOptions(storage, [host], { clock, random: testRandom(`${age}`) })
    names.push((await backUp(options, quietIo)).backup)
  }
})

const run = async (words: readonly string[], options: CliOptions = {}): Promise<CliOutcome> =>
  await runCli(['vacuum', `file://${folder.path}/vault`, ...words], options)

async function json(...words: string[]): Promise<Readonly<Record<string, unknown>>> {
  const { status, stdout, stderr } = await run([...words, '--json'])
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout) as Readonly<Record<string, unknown>>
}

describe('bkp vacuum', () => {
  it('says in a dry run what would go and why the rest stays, and writes nothing', async () => {
    const before = await keysBelow(storage, '')
    const { status, stdout } = await run(['--dry-run', '--max-backups', '3'])
    expect(status).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/^BACKUP +TIME +CLUSTER +WHY$/)
    expect(lines[1]).toMatch(
      new RegExp(`^${names[0]}  .* UTC  demo \\(files\\)  forget  number 4 from the newest`),
    )
    expect(lines[4]).toMatch(new RegExp(`^${names[3]} .* keep +number 1 from the newest`))
    expect(stdout).toMatch(/^\d+ blocks, [\d.]+ .?i?B would be needed by no backup any more$/m)
    expect(await json('--check', '--max-backups', '3')).toMatchObject({
      dry_run: true,
      forgotten: [names[0]],
      kept: names.slice(1).map(name => ({ name, why: expect.any(String) })),
      state: 'none',
      to_confirm: [],
    })
    expect(await keysBelow(storage, '')).toEqual(before)
  })

  it('refuses to forget more than half, with exit status 8, and asks where a person is there', async () => {
    const words = ['--max-backups', '1']
    const refused = await run(words)
    expect(refused.status).toBe(8)
    expect(refused.stderr).toContain('3 of the 4 complete backups of demo (files)')
    expect((await run([...words, '--json'], { answer: 'yes' })).status).toBe(8)
    expect((await run(words, { answer: 'no' })).status).toBe(8)
    expect(await keysBelow(storage, 'forgotten/')).toEqual([])
  })

  it('plans, cancels, waits for a backup, and deletes', async () => {
    const planned = await json('--max-backups', '3')
    expect(planned).toMatchObject({
      forgotten: [names[0]],
      deleted_blocks: 0,
      deleted_bytes: 0,
      state: 'planned',
      number: 1,
      waiting: [],
    })
    expect(planned['quarantine_left_seconds']).toBeGreaterThan(86_000)
    const text = (await run([])).stdout
    expect(text).toMatch(/^vacuum 1 is planned: a run deletes in 23h\d\dm at the earliest/m)
    expect((await run(['--cancel'])).stdout).toContain('vacuum 1 is cancelled')
    expect(await json('--cancel')).toEqual({ cancelled: null, state: 'none' })

    const repo = await openRepository(storage, quietIo)
    const tools = { clock: testClock(new Date().toISOString()), random: testRandom('s') }
    const body = { kind: 'backup', source: 'another\u001bcontroller', pid: 7 } as const
    const session = await announce(repo, body, tools, quietIo)
    const waits = await run(['--quarantine', '0s'])
    expect(waits.status).toBe(0)
    expect(waits.stdout).toMatch(
      new RegExp(`^waits for backup ${session.name} of another.*controller, pid 7, since `, 'm'),
    )
    expect(waits.stdout).not.toContain('\u001b')
    await storage.delete((await keysBelow(storage, 'sessions/')) as never, quietIo)
    expect(await json('--quarantine', '0')).toMatchObject({ state: 'closed', number: 2 })
    expect(await json('--quarantine', '0')).toMatchObject({ state: 'none', deleted_blocks: 0 })
    expect((await stateOf(storage)).map(line => line.split(' ')[1])).toEqual([
      'forgotten',
      'complete',
      'complete',
      'complete',
    ])
  })

  it('goes on when a person says yes', async () => {
    let question = ''
    const ask = async (text: string): Promise<string> => {
      question = text
      return 'yes'
    }
    const outcome = await run(['--max-backups', '1', '--quarantine', '0'], { ask })
    expect(question).toBe(
      'this would forget 2 of the 3 complete backups of demo (files). Type "yes" to go on: ',
    )
    expect(outcome.status).toBe(0)
    expect(outcome.stdout).toMatch(/^deleted [1-9]\d* blocks, /m)
  })

  it.each([
    [['--max-backups', '1.5'], '--max-backups 1.5 is not a whole number'],
    [['--retention-days', '-3'], '--retention-days -3 is not a number of days'],
    [['--quarantine', 'soon'], '"soon" is not a duration'],
    [['--cancel', '--dry-run'], '--cancel and --dry-run contradict each other'],
  ])('refuses %s', async (words, message) => {
    const { status, stderr } = await run(words)
    expect(status).toBe(5)
    expect(stderr).toContain(message)
  })

  it('names a cluster that has no backups', async () => {
    const { status, stderr } = await run(['--cluster', 'dome', '--max-backups', '1'])
    expect(status).toBe(2)
    expect(stderr).toContain('it holds backups of demo')
  })
})
