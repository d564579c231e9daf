import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { journalOf, type LiveRun, startRun, textOf, until } from './live-run.ts'
import { type Faultsite, makeSite } from './sites.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let site: Faultsite
let live: LiveRun | undefined
let terminal: ChildProcess | undefined

beforeEach(async () => {
  site = await makeSite('local', ['alpha'])
})
afterEach(async () => {
  live?.signal('SIGKILL')
  await live?.ended
  terminal?.kill('SIGKILL')
  await site.stop()
})

const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`

/** Folders of bkp below the temporary folder that this test's process was given. */
const leftovers = (): readonly string[] =>
  readdirSync(site.folder).filter(name => /^bkp-/.test(name))

describe('a signal while planning', () => {
  let silent: Server
  let held: Socket[]

  beforeEach(async () => {
    held = []
    silent = createServer(socket => {
      held.push(socket)
      socket.on('error', () => {})
      socket.write('SSH-2.0-silent\r\n')
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => silent.once('listening', resolve))
    const address = silent.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const alpha = { ansible_host: '127.0.0.1', ansible_port: port, ansible_ssh_timeout: 600 }
    writeFileSync(site.inventory, JSON.stringify({ all: { hosts: { alpha } } }))
  })
  afterEach(async () => {
    for (const socket of held) socket.destroy()
    await new Promise(resolve => silent.close(resolve))
  })

  const book = `
- hosts: all
  lock: { name: all }
  confirm: Really?
  tasks:
    - stat: { path: /etc }
    - file: { path: /tmp/never, state: directory }
`
  test.each([
    ['plan', 'SIGINT', []],
    ['plan', 'SIGTERM', []],
    ['run', 'SIGINT', []],
    ['run', 'SIGTERM', ['--dry-run']],
  ] as const)('of bkp %s: %s ends it with status 130 (row 48)', async (command, signal, flags) => {
    const words = [command, site.playbook(book), '-i', site.inventory, ...flags]
    live = startRun(site, words)
    await until('the host is being looked at', () => held.length > 0, { context: live.output })
    live.signal(signal)
    expect(await live.ended, live.output()).toEqual({ status: 130, signal: null })
    expect(existsSync(join(site.state, 'runs'))).toBe(false)
    expect(leftovers()).toEqual([])
    const again = site.run(['runs', '--json'])
    expect(JSON.parse(again.stdout)).toEqual({ runs: [] })
  })
})

describe('a signal while a question is open', () => {
  /** Runs bkp at a terminal of its own; what follows says how it ended, and how the terminal is. */
  function atTerminal(words: readonly string[]) {
    const quoted = [process.execPath, program, ...words].map(word => `'${word}'`).join(' ')
    const text = `stty -a >before; ${quoted}; echo "status=$?"; stty -a >after`
    const child = spawn('script', ['-qefc', text, '/dev/null'], {
      cwd: site.folder,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: site.folder,
        TMPDIR: site.folder,
        BKP_STATE_DIR: site.state,
        SHELL: '/bin/sh',
      },
    })
    terminal = child
    let output = ''
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString()
    })
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
    return {
      output: () => output,
      type: (keys: string) => void child.stdin.write(keys),
      ended,
    }
  }

  const terminalIsAsBefore = (): void =>
    expect(textOf(join(site.folder, 'after'))).toBe(textOf(join(site.folder, 'before')))

  test('before anything is written: status 130, nothing is journaled or locked (row 48)', async () => {
    const book = site.playbook(`
- hosts: all
  lock: { name: all }
  confirm: Really?
  tasks:
    - ${sh('echo never >> log')}
`)
    const run = atTerminal(['run', book, '-i', site.inventory, '--output', 'plain'])
    await until('it asks', () => run.output().includes('to go on: '), { context: run.output })
    run.type('\u0003')
    await run.ended
    expect(run.output()).toContain('status=130')
    terminalIsAsBefore()
    expect(existsSync(join(site.state, 'runs'))).toBe(false)
    expect(textOf(join(site.dir('alpha'), 'log'))).toBe('')
  })

  test('in the middle of a run: nobody waits for the answer, and what is owed is done (row 48)', async () => {
    // The plan cannot word the question: it is asked again when it can be.
    const book = site.playbook(`
- hosts: all
  tasks:
    - name: Freeze
      ${sh('echo freeze >> log; echo frozen')}
      register: freeze
      release: { ${sh('echo thaw >> log')} }
    - name: Ask
      confirm: "Go on with what is {{ freeze.stdout }}?"
      ${sh('echo never >> log')}
`)
    const run = atTerminal(['run', book, '-i', site.inventory, '--output', 'plain'])
    await until('it asks', () => run.output().includes('to go on: '), { context: run.output })
    run.type('yes\r')
    const question = 'what is frozen? Type "yes" to go on: '
    await until('it asks again', () => run.output().includes(question), { context: run.output })
    run.type('\u0003')
    await run.ended
    expect(run.output()).toContain('status=130')
    terminalIsAsBefore()
    expect(textOf(join(site.dir('alpha'), 'log'))).toBe('freeze\nthaw\n')
    const journal = journalOf(site)
    expect(journal).toContainEqual(
      expect.objectContaining({ event: 'confirm.answered', granted: false }),
    )
    expect(journal.at(-1)).toMatchObject({ event: 'run.finished', exit_code: 130 })
    expect(site.run(['owed']).status).toBe(0)
  })
})
