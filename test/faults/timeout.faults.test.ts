import { afterEach, describe, expect, test } from 'vitest'
import { explain } from '../slice/bkp.ts'
import { endProcesses, isRunning, journalOf, textOf } from './live-run.ts'
import { type Faultsite, makeSite } from './sites.ts'

/** Lengths of sleep that no other process of this machine has. */
let mark = 60_000_000 + process.pid * 100
let site: Faultsite | undefined

afterEach(async () => {
  await site?.stop()
  site = undefined
  for (const each of [mark, mark + 1]) endProcesses('sleep', String(each))
})

const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`
const logOf = (here: Faultsite, host: string): string => textOf(`${here.dir(host)}/log`)

describe.each(['local', 'ssh'] as const)('over %s', transport => {
  test('row 6: a freeze that takes effect and then takes too long is ended with its children, and thawed', async () => {
    mark += 2
    const here = await makeSite(transport)
    site = here
    const [own, child] = [String(mark), String(mark + 1)]
    const book = here.playbook(`
- hosts: all
  tasks:
    - name: Freeze
      ${sh(`echo frozen >> log; sleep ${child} & sleep ${own}; echo survived >> log`)}
      timeout: 2s
      failed_when: false
      release: { ${sh('echo thawed >> log')} }
    - ${sh('echo copied >> log')}
`)
    const run = here.run(['run', book, '-i', here.inventory])
    expect(run.status, explain(run)).toBe(2)
    expect(run.stdout).toContain('step.timeout: took longer than 2s')
    expect(run.stdout).toContain('whether it took effect is not known')
    expect(run.stdout).toContain('released: ')
    for (const host of here.hosts) expect(logOf(here, host)).toBe('frozen\nthawed\n')
    for (const sleep of [own, child]) expect(isRunning('sleep', sleep)).toBe(false)
    const events = journalOf(here)
    const failed = events.filter(event => event.event === 'step.finished' && event.failure)
    expect(failed).toHaveLength(here.hosts.length)
    expect(events).toContainEqual(expect.objectContaining({ event: 'settled', outcome: 'ran' }))
  })
})

test('what a play has no time for fails at once; what rescues and cleans up has its own', async () => {
  mark += 2
  const here = await makeSite('local', ['alpha'])
  site = here
  const book = here.playbook(`
- name: Hurried
  hosts: all
  timeout: 2s
  tasks:
    - block:
        - block:
            - ${sh(`echo one >> log; sleep ${mark}`)}
              release: { ${sh('sleep 1; echo released >> log')} }
          rescue:
            - ${sh('sleep 1; echo rescued >> log')}
          always:
            - ${sh('sleep 1; echo always >> log')}
        - name: Late
          ${sh('echo late >> log')}
          release: { ${sh('echo never owed >> log')} }
      always:
        - ${sh('echo last >> log')}
`)
  const run = here.run(['run', book, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(2)
  expect(run.stdout).toContain('play "Hurried" took longer than 2s')
  expect(logOf(here, 'alpha')).toBe('one\nrescued\nalways\nreleased\nlast\n')
  expect(isRunning('sleep', String(mark))).toBe(false)
})

test('a timeout that is not reached changes nothing, and the innermost counts', async () => {
  const here = await makeSite('local', ['alpha'])
  site = here
  const book = here.playbook(
    `
- hosts: all
  timeout: 1h
  tasks:
    - timeout: 1ms
      block:
        - ${sh('sleep 1; echo one >> log')}
          timeout: 60d
`.replace('1ms', '0.001'),
  )
  const run = here.run(['run', book, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(0)
  expect(logOf(here, 'alpha')).toBe('one\n')
})
