import type { Clock, RandomBytes } from '../base/clock.ts'
import { becomeTransport } from './become.ts'
import type { Transport } from './channel.ts'
import type { Become } from './contract.ts'
import { type ConnectedHost, connectHost } from './host.ts'
import { createSession, type Session } from './session.ts'
import type { Seats } from './shells.ts'
import { createSlots } from './slots.ts'

/** Channels of one host besides its long-lived shell; sshd allows 10 by default. */
const channelsAtOnce = 8
/** Of these, how many may be long-lived shells of further users at once. */
const seatsAtOnce = 3

/** A host as one of its users, as long as one connection to it lives. */
export interface OpenedAs {
  readonly become: Become | undefined
  readonly session: Session
  readonly connected: ConnectedHost
}

/** One connection to a host, and its users. */
export interface Opened {
  readonly transport: Transport
  /** The user who logs in, or another one: each has a long-lived shell of its own. */
  as(become: Become | undefined): OpenedAs
  /** All that were asked for. */
  users(): readonly OpenedAs[]
  close(): Promise<void>
}

export interface OpenedOptions {
  /** The host's name in the inventory. */
  readonly name: string
  readonly random: RandomBytes
  readonly clock: Clock
  readonly graceMs: number
}

/** Which user is meant; the password is part of it, since another one may be the right one. */
export function becomeKey(become: Become | undefined): string {
  return become === undefined ? '' : `${become.user}\n${become.password?.reveal() ?? ''}`
}

export function openedOver(transport: Transport, options: OpenedOptions): Opened {
  const { name: host, random, clock, graceMs } = options
  const slots = createSlots(channelsAtOnce)
  const known = new Map<string, OpenedAs>()

  const seats = createSlots(0)
  let seatsMade = 0
  /**
   * The first user's shell has its channel for itself: who reads a stream may ask in between. Those of
   * further users share seats, for which the slots of streams become fewer.
   */
  const further: Seats = {
    isWanted: seats.isWanted,
    take: async (signal, wanted) => {
      if (seatsMade < Math.min(seatsAtOnce, known.size - 1)) {
        seatsMade += 1
        slots.take(signal).then(seats.add, () => {
          seatsMade -= 1
        })
      }
      return await seats.take(signal, wanted)
    },
  }

  const start = (become: Become | undefined): OpenedAs => {
    const over =
      become === undefined ? transport : becomeTransport(transport, { host, random, clock, become })
    const session = createSession({ host, transport: over, slots, random, clock, graceMs })
    const connected = connectHost(session, known.size === 0 ? undefined : further)
    return Object.freeze({ become, session, connected })
  }

  return Object.freeze({
    transport,
    as: become => {
      const key = becomeKey(become)
      const opened = known.get(key) ?? start(become)
      known.set(key, opened)
      return opened
    },
    users: () => [...known.values()],
    close: async () => {
      const [login, ...others] = [known.get(''), ...known.values()]
      const rest = others.filter(other => other !== login)
      await Promise.allSettled(rest.map(({ connected }) => connected.close()))
      // That one takes the connection along.
      await (login?.connected ?? transport).close()
    },
  } satisfies Opened)
}
