import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RunEvent } from '../../src/events/events.ts'
import { parseEvents } from '../../src/execute/journal.ts'
import type { Workspace } from '../slice/bkp.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** A run of the program as it ships that a test may signal. */
export interface LiveRun {
  readonly pid: number
  /** What it has printed so far. */
  output(): string
  signal(name: NodeJS.Signals): void
  readonly ended: Promise<{ readonly status: number | null; readonly signal: string | null }>
}

/** Starts bkp in a workspace. A test that fails before it ended must end it. */
export function startRun(workspace: Workspace, words: readonly string[]): LiveRun {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: workspace.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: workspace.folder,
      BKP_STATE_DIR: workspace.state,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString()
    })
  }
  const ended = new Promise<{ status: number | null; signal: string | null }>(resolve =>
    child.once('close', (status, signal) => resolve({ status, signal })),
  )
  return Object.freeze({
    pid: child.pid ?? 0,
    output: () => output,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    ended,
  })
}

/** Waits until a condition holds; what is waited for is in the message when it never does. */
export async function until(
  what: string,
  holds: () => boolean,
  options: { readonly limitMs?: number; readonly context?: () => string } = {},
): Promise<void> {
  const { limitMs = 60_000, context = () => '' } = options
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > limitMs) throw new Error(`never: ${what}\n${context()}`)
    await delay(20)
  }
}

/** The text of a file, '' while it is not there. */
export function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** The one run in a workspace's state directory. */
export function runOf(workspace: Workspace): string {
  const [run = ''] = readdirSync(join(workspace.state, 'runs'))
  return run
}

/** The journal of the one run, a torn last line left out. */
export function journalOf(workspace: Workspace): readonly RunEvent[] {
  return parseEvents(textOf(join(workspace.state, 'runs', runOf(workspace), 'journal.jsonl')))
}

/** Processes of this machine with exactly these words. */
function processesOf(words: readonly string[]): readonly number[] {
  const wanted = `${words.join('\0')}\0`
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8') === wanted
      } catch {
        return false
      }
    })
    .map(Number)
}

/** How many processes with exactly these words run on this machine. */
export function countRunning(...words: readonly string[]): number {
  return processesOf(words).length
}

/** True while a process with exactly these words runs anywhere on this machine. */
export function isRunning(...words: readonly string[]): boolean {
  return countRunning(...words) > 0
}

/** Ends what a killed run has left behind. */
export function endProcesses(...words: readonly string[]): void {
  for (const pid of processesOf(words)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has just ended by itself.
    }
  }
}

/** The processes that a process has started. */
export function childrenOf(parent: number): readonly number[] {
  const line = new RegExp(`^PPid:\t${parent}$`, 'm')
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => {
      try {
        return line.test(readFileSync(`/proc/${name}/status`, 'utf8'))
      } catch {
        // It ended while we looked.
        return false
      }
    })
    .map(Number)
}
