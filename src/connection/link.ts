import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { type Io, quietIo } from '../base/io.ts'
import { orAbort } from './abort.ts'
import type { Become, Host, Manner } from './contract.ts'
import { endGroups, type Group } from './groups.ts'
import { becomeKey, type Opened, type OpenedAs } from './opened.ts'
import { within } from './session.ts'

export interface LinkOptions {
  /** The host's name in the inventory. */
  readonly name: string
  readonly clock: Clock
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly graceMs: number
  /** Connects, within that many milliseconds where they are given. @throws ssh.* */
  open(withinMs?: number): Promise<Opened>
}

/** The way to a host through a run: opened when it is first needed, and anew when it broke. */
export interface Link {
  /**
   * The host. What commands whose connection broke have left running there is ended before anything else
   * is done: a rollback must not run beside what it takes back. @throws ssh.*
   */
  host(manner: Omit<Manner, 'reach'>, io: Io): Promise<Host>
  /** The next use connects anew. What still runs for others on the old connection goes on there. */
  reset(): Promise<void>
  /** At the end of a run: ends what is left of the same, in one short attempt. Tells what may still run. */
  endLost(): Promise<readonly BkpError[]>
  close(): Promise<void>
}

interface Attempt {
  readonly promise: Promise<Opened>
  opened: Opened | undefined
  /** It failed and is worth another one: the host was reached before, and said no at once. */
  again: boolean
  failed: boolean
}

/** A host that says no within this time costs nobody a wait. */
const promptMs = 1000
/** Connecting at the end of a run only to end what is left there. */
const lastConnectMs = 5000
/** For what comes on top of the grace between the signals. */
const lastMarginMs = 3000

/** Of whom a group was. */
interface LostGroup {
  readonly become: Become | undefined
  readonly group: Group
}

export function createLink({ name, clock, graceMs, open }: LinkOptions): Link {
  let current: Attempt | undefined
  /** Of connections that broke. Bounded: nothing new begins before these have ended. */
  let lost: readonly LostGroup[] = []
  /** Connections that were left while something ran on them. */
  const retired = new Set<Opened>()

  const isIdle = (opened: Opened): boolean =>
    opened.users().every(({ session }) => session.groups.size === 0)
  const loseGroups = (opened: Opened): void => {
    for (const { become, session } of opened.users()) {
      lost = [...lost, ...[...session.groups].map(group => ({ become, group }))]
      session.groups.clear()
    }
  }
  const loseConnection = (): void => {
    if (current?.opened === undefined) return
    loseGroups(current.opened)
    current.opened = undefined
  }

  /** Ends what one user has lost. @throws ssh.lost */
  const endLostAs = async (opened: OpenedAs): Promise<void> => {
    const key = becomeKey(opened.become)
    const own = lost.filter(({ become }) => becomeKey(become) === key)
    const groups = own.map(({ group }) => group)
    let left: readonly number[] = []
    try {
      left = await endGroups(opened.session, groups, { lost: true }, quietIo)
    } catch (thrown) {
      // A user that we may not become any more keeps what it has; it is told of at the end.
      if (!opened.session.transport.isAlive()) throw thrown
      return
    }
    lost = lost.filter(entry => !own.includes(entry) || left.includes(entry.group.leader))
  }

  /** Ends what was lost with earlier connections. @throws ssh.lost */
  const endLostOn = async (opened: Opened): Promise<void> => {
    const users = new Map(lost.map(({ become }) => [becomeKey(become), become]))
    for (const become of users.values()) await endLostAs(opened.as(become))
  }

  const attempt = (withinMs?: number): Attempt => {
    const isFirst = current === undefined
    const startedMs = clock.monotonicMs()
    loseConnection()
    const openAndEnd = async (): Promise<Opened> => {
      const opened = await open(withinMs)
      try {
        await endLostOn(opened)
      } catch (thrown) {
        started.again = true
        await opened.close()
        throw thrown
      }
      started.opened = opened
      return opened
    }
    const started: Attempt = {
      opened: undefined,
      again: false,
      failed: false,
      promise: openAndEnd(),
    }
    started.promise.catch(() => {
      started.failed = true
      started.again ||= !isFirst && clock.monotonicMs() - startedMs < promptMs
    })
    current = started
    return started
  }

  // A connection that failed stays failed for the run: a host that is down costs its timeout once.
  // One that broke later is opened anew by whoever needs it: what is owed on that host may still be done.
  const usable = (): Attempt => {
    if (current === undefined || current.again) return attempt()
    const { opened } = current
    return opened !== undefined && !opened.transport.isAlive() ? attempt() : current
  }

  const reset = async (): Promise<void> => {
    const last = current
    // Whoever connects just now opens a connection that is as new as can be.
    if (last === undefined || (last.opened === undefined && !last.failed)) return
    current = undefined
    const { opened } = last
    if (opened === undefined) return
    if (isIdle(opened)) await opened.close()
    else if (opened.transport.isAlive()) retired.add(opened)
    else loseGroups(opened)
  }

  const endLost = async (): Promise<void> => {
    for (const opened of retired) loseGroups(opened)
    const opened = current?.opened
    const busy = () => (opened?.users() ?? []).filter(({ session }) => session.groups.size > 0)
    if (opened?.transport.isAlive() && busy().length > 0) {
      const ending = busy().map(({ session }) =>
        endGroups(session, [...session.groups], { lost: true }, quietIo),
      )
      await within({ clock }, Promise.allSettled(ending), graceMs + lastMarginMs)
    }
    if (lost.length + busy().length === 0) return
    // It broke, or hangs: nobody needs it any more.
    void opened?.close().catch(() => {})
    const { promise } = attempt(lastConnectMs)
    await within({ clock }, promise, lastConnectMs + graceMs + lastMarginMs)
  }

  return Object.freeze({
    host: async ({ become, environment = {} }, io) =>
      (await orAbort(usable().promise, io.signal)).as(become).connected.withVariables(environment),
    reset,
    endLost: async () => {
      await endLost().catch(() => {})
      const groups = lost.map(({ group }) => group).filter(({ reads }) => !reads)
      return groups.length === 0
        ? []
        : [
            mayStillRun(
              name,
              groups.map(({ leader }) => leader),
            ),
          ]
    },
    close: async () => {
      const last = current
      current = undefined
      await Promise.allSettled([...retired].map(async opened => await opened.close()))
      retired.clear()
      const closing = last?.promise.then(opened => opened.close())
      // Nothing runs yet on a host that is still being connected to: a run that ends does not wait.
      if (last?.opened === undefined) closing?.catch(() => {})
      else await closing
    },
  } satisfies Link)
}

function mayStillRun(host: string, groups: readonly number[]): BkpError {
  const which = groups.length === 1 ? 'process group' : 'process groups'
  return new BkpError(
    'ssh.lost',
    `the connection to ${host} broke while a command ran there, and it could not be ended: ${which} ${groups.join(', ')} may still run`,
    {
      details: { host },
      hint: `on ${host}, see: ps -o pid,lstart,args -g ${groups.join(',')}`,
    },
  )
}
