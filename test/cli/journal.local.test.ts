import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { parseEvents, readStoredRun } from '../../src/execute/journal.ts'
import { runCli } from './run-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'bkp-cli-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('the journal of a run has every event that the run told', async () => {
  const hosts = Object.fromEntries(
    [...'abcdefgh'].map(name => [name, { ansible_connection: 'local' }]),
  )
  writeFileSync(join(folder, 'hosts.yml'), JSON.stringify({ all: { hosts } }))
  const steps = Array.from({ length: 12 }, (_, index) => ({
    name: `step ${index}`,
    shell: 'true',
    loop: [1, 2],
    rollback: { shell: 'true' },
  }))
  writeFileSync(
    join(folder, 'play.yml'),
    JSON.stringify([{ name: 'All', hosts: 'all', gather_facts: false, tasks: steps }]),
  )
  const { status, stdout } = await runCli(
    ['run', join(folder, 'play.yml'), '-i', join(folder, 'hosts.yml'), '--output', 'json'],
    { directory: folder, environment: { BKP_STATE_DIR: join(folder, 'state'), HOME: folder } },
  )
  expect(status, stdout.slice(-2000)).toBe(0)
  const [run = ''] = readdirSync(join(folder, 'state/runs'))
  const { events: kept } = await readStoredRun(join(folder, 'state'), run)
  const told = parseEvents(stdout).filter(({ event }) => event !== 'step.progress')
  expect(told.length).toBeGreaterThan(8 * 12)
  expect(kept).toEqual(told)
})
