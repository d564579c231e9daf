import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connectionsOf } from '../servers/sshd.ts'
import { journalOf, startRun, textOf, until } from './live-run.ts'
import { type Faultsite, makeSite } from './sites.ts'

let site: Faultsite | undefined

afterEach(async () => {
  await site?.stop()
  site = undefined
})

const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`
const working = 'echo $$ > pid; while echo work >> log; do sleep 0.05; done'

async function runUntilWorking(more: string) {
  const here = await makeSite('ssh', ['alpha', 'beta'])
  site = here
  const book = here.playbook(`
- hosts: alpha
  tasks:
    - name: Change
      ${sh(working)}
${more}`)
  const log = join(here.dir('alpha'), 'log')
  const run = startRun(here, ['run', book, '-i', here.inventory])
  await until('the step works', () => textOf(log).includes('work'), { context: run.output })
  const pid = textOf(join(here.dir('alpha'), 'pid')).trim()
  const cut = () => {
    const { daemons } = here
    for (const each of connectionsOf(daemons ?? { hosts: [] }, 'alpha'))
      process.kill(each, 'SIGKILL')
  }
  return { here, run, log, pid, cut }
}

const isWorking = (pid: string): boolean =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

test('the connection breaks in the middle of a step: its command is ended before its rollback runs', async () => {
  const { run, log, pid, cut } = await runUntilWorking(
    `      rollback: { ${sh('echo rollback >> log')} }\n`,
  )
  cut()
  expect((await run.ended).status, run.output()).toBe(4)
  expect(isWorking(pid)).toBe(false)
  expect(textOf(log)).toMatch(/^(work\n)+rollback\n$/)
})

test('the connection breaks where nothing more is to be done: the command is ended at the end of the run', async () => {
  const { here, run, pid, cut } = await runUntilWorking('')
  cut()
  expect((await run.ended).status, run.output()).toBe(4)
  expect(isWorking(pid)).toBe(false)
  expect(journalOf(here).filter(({ event }) => event === 'notice')).toEqual([])
})

test('the host is gone: what may still run there is told', async () => {
  const { here, run, pid } = await runUntilWorking('')
  here.daemons?.kill('alpha')
  expect((await run.ended).status, run.output()).toBe(4)
  const wanted = `could not be ended: process group ${pid} may still run`
  expect(run.output().replaceAll(/\s+/g, ' ')).toContain(wanted)
  const notices = journalOf(here).filter(({ event }) => event === 'notice')
  expect(notices).toMatchObject([{ level: 'warning', failure: { code: 'ssh.lost' } }])
  expect(journalOf(here).at(-1)).toMatchObject({ event: 'run.finished' })
  // Started by the daemon's user on this machine, not in a namespace that dies with it.
  if (isWorking(pid)) process.kill(-Number(pid), 'SIGKILL')
})
