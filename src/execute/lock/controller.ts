import { readFile, readlink } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { isProcessAlive } from '../../base/process-alive.ts'

/** A process that runs bkp, so that another one can tell whether it still lives. */
export interface Controller {
  readonly host: string
  readonly user: string
  readonly pid: number
  /** What tells this process from a later one of the same pid; absent where there is no /proc. */
  readonly process?: {
    /** Random, by boot of the machine: start times and pids begin anew with it. */
    readonly boot: string
    /** Pids of two containers are not of the same kind. */
    readonly pidNamespace: string
    /** Clock ticks from the boot to the start of the process: field 22 of /proc/PID/stat. */
    readonly start: string
  }
}

/** `unknown`: on another machine or in another container, out of sight from here. */
export type Liveness = 'alive' | 'gone' | 'unknown'

/** Who we are, and who of the others still lives. */
export interface ControllerView {
  readonly self: Controller
  livenessOf(other: Controller): Promise<Liveness>
}

/** What is asked of the machine's process table: a parameter, so that tests can make one up. */
export interface ProcessTable {
  /** The text of a file below /proc; undefined when it is not there. */
  read(path: string): Promise<string | undefined>
  /** Where a link below /proc leads. */
  link(path: string): Promise<string | undefined>
  /** Whether a process has that pid, whoever owns it. */
  hasPid(pid: number): boolean
}

const systemProcesses: ProcessTable = Object.freeze({
  read: (path: string) => readFile(`/proc/${path}`, 'utf8').catch(() => undefined),
  link: (path: string) => readlink(`/proc/${path}`).catch(() => undefined),
  hasPid: isProcessAlive,
})

/** This process, seen by itself. */
export async function viewFromHere(
  table: ProcessTable = systemProcesses,
  who: Pick<Controller, 'host' | 'user' | 'pid'> = hereAndNow(),
): Promise<ControllerView> {
  const boot = (await table.read('sys/kernel/random/boot_id'))?.trim()
  const pidNamespace = await table.link('self/ns/pid')
  const start = (await statOf(table, who.pid))?.start
  const isKnown = boot !== undefined && pidNamespace !== undefined && start !== undefined
  const self: Controller = Object.freeze({
    ...who,
    ...(isKnown ? { process: { boot, pidNamespace, start } } : {}),
  })
  return Object.freeze({ self, livenessOf: (other: Controller) => judge(table, self, other) })
}

function hereAndNow(): Pick<Controller, 'host' | 'user' | 'pid'> {
  return { host: hostname(), user: userName(), pid: process.pid }
}

/** A container may run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

async function judge(table: ProcessTable, self: Controller, other: Controller): Promise<Liveness> {
  if (other.host !== self.host) return 'unknown'
  if (self.process === undefined || other.process === undefined) {
    return table.hasPid(other.pid) ? 'alive' : 'gone'
  }
  if (other.process.boot !== self.process.boot) return 'gone'
  if (other.process.pidNamespace !== self.process.pidNamespace) return 'unknown'
  const stat = await statOf(table, other.pid)
  if (stat === undefined) return 'gone'
  // A zombie only waits for its parent to take notice: it does nothing any more.
  if (stat.state === 'Z' || stat.state === 'X') return 'gone'
  return stat.start === other.process.start ? 'alive' : 'gone'
}

/** State and start time of a process: proc(5), fields 3 and 22 of `stat`. */
async function statOf(
  table: ProcessTable,
  pid: number,
): Promise<{ readonly state: string; readonly start: string } | undefined> {
  const text = await table.read(`${pid}/stat`)
  // The program's name stands in parentheses and may hold spaces and parentheses of its own.
  const fields = text
    ?.slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ')
  const state = fields?.[0]
  const start = fields?.[22 - 3]
  return state === undefined || start === undefined ? undefined : { state, start }
}

/** True when both are one process. */
export function isSelf(one: Controller, other: Controller): boolean {
  return (
    one.host === other.host &&
    one.pid === other.pid &&
    one.process?.boot === other.process?.boot &&
    one.process?.pidNamespace === other.process?.pidNamespace &&
    one.process?.start === other.process?.start
  )
}
