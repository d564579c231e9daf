import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { Command, Exit, Host } from '../../src/connection/contract.ts'
import { createWatchdog, type Watchdog } from '../../src/execute/deadline/watchdog.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-deadline-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A host whose every `sh` and tool is that of busybox, or the machine's own. */
function hostWith(shell: 'dash' | 'busybox'): Pick<Host, 'run' | 'name'> {
  const bin = join(folder, 'bin')
  if (shell === 'busybox') {
    mkdirSync(bin)
    execFileSync('busybox', ['--install', '-s', bin])
  }
  const path = shell === 'busybox' ? bin : process.env['PATH']
  const program = shell === 'busybox' ? join(bin, 'sh') : '/bin/dash'
  return {
    name: 'a',
    run: async ({ argv: [, ...words], stdin }: Command) => {
      const env = { TMPDIR: folder, PATH: path }
      const child = spawn(program, words.map(String), { env, stdio: 'pipe' })
      // A script that refuses ends before it has read everything.
      child.stdin.on('error', () => {})
      child.stdin.end(stdin as Uint8Array | undefined)
      const stdout: Buffer[] = []
      const stderr: Buffer[] = []
      child.stdout.on('data', bytes => stdout.push(bytes))
      child.stderr.on('data', bytes => stderr.push(bytes))
      const code = await new Promise<number>(resolve => child.once('close', resolve))
      const end = { code, truncated: false }
      return { ...end, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) } as Exit
    },
  }
}

const key = { run: 'r', step: '/0/tasks/0', item: undefined, host: 'a' }
const append = (word: string): Command => ({
  argv: ['/bin/sh', '-c', `echo "$1" >>"$0"`, join(folder, 'log'), word],
})
const log = (): string =>
  existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : ''
const left = (): readonly string[] =>
  readdirSync(folder).filter(name => name.startsWith('.bkp-watchdog-'))

async function untilState(watchdog: Watchdog, kind: string): Promise<unknown> {
  for (;;) {
    const state = await watchdog.beat('', quietIo)
    if (state.kind === kind) return state
    if (state.kind === 'gone') throw new Error('gone')
    await delay(50)
  }
}

describe.each(['dash', 'busybox'] as const)('a watchdog under %s', shell => {
  test('fires once when it hears nothing, and tells with which status', async () => {
    const watchdog = createWatchdog(hostWith(shell), key)
    const bytes = Uint8Array.from({ length: 255 }, (_, index) => index + 1)
    await watchdog.arm(
      [
        append("it's"),
        { argv: ['/bin/sh', '-c', 'cat >"$0"', join(folder, 'bytes')], stdin: bytes },
        {
          argv: ['/bin/sh', '-c', 'printf "%s %s" "$V" "$(cat)" >in'],
          cwd: folder,
          env: { V: new Secret('v w') },
          stdin: new Secret('s%n\\'),
        },
        { argv: ['false'] },
        append('never'),
      ],
      1000,
      quietIo,
    )
    // An empty word is a beat like others: what is waited for is that none come.
    for (let waited = 0; !existsSync(join(folder, 'in')); waited += 50) {
      if (waited > 20_000) throw new Error('it never fired')
      await delay(50)
    }
    expect(await untilState(watchdog, 'fired')).toEqual({ kind: 'fired', status: 4 })
    expect(log()).toBe("it's\n")
    expect(new Uint8Array(readFileSync(join(folder, 'bytes')))).toEqual(bytes)
    expect(readFileSync(join(folder, 'in'), 'utf8')).toBe('v w s%n\\')
    await watchdog.disarm(quietIo)
    expect(left()).toEqual([])
  })

  test('lives while it is heard of, is replaced by the next, and leaves nothing when disarmed', async () => {
    const watchdog = createWatchdog(hostWith(shell), key)
    expect(await watchdog.beat('0', quietIo)).toEqual({ kind: 'absent' })
    await watchdog.arm([append('first')], 60_000, quietIo)
    expect(await watchdog.beat('1', quietIo)).toEqual({ kind: 'armed' })
    await watchdog.arm([append('second')], 60_000, quietIo)
    expect(await watchdog.beat('2', quietIo)).toEqual({ kind: 'armed' })
    await watchdog.disarm(quietIo)
    expect(left()).toEqual([])
    await watchdog.disarm(quietIo)
    expect(log()).toBe('')
  })

  test('is told as gone when it was killed', async () => {
    const watchdog = createWatchdog(hostWith(shell), key)
    await watchdog.arm([append('never')], 60_000, quietIo)
    const [name = ''] = left()
    process.kill(Number(readFileSync(join(folder, name, 'pid'), 'utf8')), 'SIGKILL')
    for (;;) {
      const { kind } = await watchdog.beat('1', quietIo)
      if (kind === 'gone') break
      expect(kind).toBe('armed')
    }
    await watchdog.disarm(quietIo)
    expect(left()).toEqual([])
  })

  test('does not take a folder that is not its own', async () => {
    const watchdog = createWatchdog(hostWith(shell), key)
    await watchdog.arm([], 60_000, quietIo)
    const [name = ''] = left()
    await watchdog.disarm(quietIo)
    execFileSync('ln', ['-s', '/tmp', join(folder, name)])
    await expect(watchdog.arm([], 60_000, quietIo)).rejects.toThrow('belongs to somebody else')
  })
})
