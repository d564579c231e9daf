import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Secret } from '../../../base/secret.ts'
import { escapeControls } from '../../../base/text.ts'
import { formatDuration } from '../../../base/units.ts'
import { within } from '../meta/within.ts'
import { type ThriftConnection, thriftConnection } from '../thrift/connection.ts'
import { frame } from '../thrift/frames.ts'
import { encodeMessage, type Outcome, type ThriftMethod } from '../thrift/messages.ts'
import { graphCodeName, graphHint, isSessionLost } from './codes.ts'
import type {
  GraphSession,
  GraphTable,
  ReadingStatement,
  StatementOptions,
  WritingStatement,
} from './contract.ts'
import { authenticate, type ExecutionAnswer, execute, signout } from './service.ts'
import { useSpace } from './statements.ts'
import { readTable } from './values.ts'

/** How long graphd may take to let us in, and for a statement, where nothing else is said. */
const authenticateMs = 30_000
const statementMs = 120_000
/** How long signing out may take, in milliseconds: nothing hangs on it. */
const farewellMs = 2000

export interface SessionOptions {
  /** `host:port`, as messages name it. */
  readonly address: string
  readonly user: string
  readonly password: Secret
  readonly clock: Clock
  /** Makes a connection to the graphd. */
  connect(io: Io): Promise<Duplex>
}

/** A connection, the session on it, and the space that was chosen last. */
interface Live {
  readonly stream: Duplex
  readonly connection: ThriftConnection
  readonly id: bigint
  space?: string
}

/**
 * Signs in at a graphd. Framed binary Thrift, as for metads: graphds answer each client as it asks.
 * @throws nebula.unreachable, nebula.protocol, nebula.refused where it does not let us in
 */
export async function openSession(options: SessionOptions, io: Io): Promise<GraphSession> {
  const { address, clock } = options
  let live = await signIn(options, io)

  async function ask(
    { text }: ReadingStatement | WritingStatement,
    { timeoutMs = statementMs }: StatementOptions,
    askIo: Io,
  ): Promise<ExecutionAnswer> {
    const { connection, id } = live
    const answer = await within(inTime(address, clock, timeoutMs, askIo), signal =>
      connection.call(execute, { session: id, statement: text }, signal),
    )
    return answerOf(answer, address, 'execute')
  }

  async function choose(options: StatementOptions, chooseIo: Io): Promise<void> {
    const { space } = options
    if (space === undefined || live.space === space) return
    const answer = await ask(useSpace(space), {}, chooseIo)
    requireDone(answer, `USE ${space}`, address, space)
    live.space = space
  }

  /** Sessions end when they are idle for long, and when graphd restarts. */
  async function again<T>(attempt: () => Promise<T>, againIo: Io): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (!isLost(error) || againIo.signal.aborted) throw error
      live.connection.close()
      live = await signIn(options, againIo)
      return await attempt()
    }
  }

  return Object.freeze({
    address,
    read: async (statement, readIo, given = {}) =>
      await again(async () => {
        await choose(given, readIo)
        return tableOf(await ask(statement, given, readIo), statement.text, address)
      }, readIo),
    execute: async (statement, executeIo, given = {}) => {
      // Choosing the space only reads: a session that is gone shows here, before anything was sent.
      await again(async () => await choose(given, executeIo), executeIo)
      const answer = await sentOnce(statement.text, address, () => ask(statement, given, executeIo))
      return tableOf(answer, statement.text, address)
    },
    close: async () => await signOut(live),
  } satisfies GraphSession)
}

async function signIn(options: SessionOptions, io: Io): Promise<Live> {
  const { address, user, password, clock } = options
  const peer = `graphd ${address}`
  return await within(inTime(address, clock, authenticateMs, io), async signal => {
    const stream = await connectUntil(options, io, signal)
    const connection = thriftConnection(stream, { peer })
    try {
      const credentials = { user, password: password.reveal() }
      const answer = await connection.call(authenticate, credentials, signal)
      const { code = 0, message, session } = answerOf(answer, address, 'authenticate')
      if (code !== 0) throw refused(`user ${user}`, address, code, message)
      if (session === undefined) {
        throw new BkpError('nebula.protocol', `${peer} gave no session to user ${user}`)
      }
      return { stream, connection, id: session }
    } catch (error) {
      connection.close()
      throw error
    }
  })
}

/** A connection that comes after its time is closed again. */
async function connectUntil(
  { connect }: SessionOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Duplex> {
  const stream = await connect({ ...io, signal })
  if (signal.aborted) stream.destroy()
  return stream
}

function inTime(address: string, clock: Clock, milliseconds: number, { signal }: Io) {
  const late = () =>
    new BkpError(
      'nebula.unreachable',
      `graphd ${address} did not answer within ${formatDuration(milliseconds)}`,
      { hint: 'is it overloaded, or does a firewall drop packets on the way?' },
    )
  return { clock, milliseconds, signal, late }
}

/** signout is oneway: nothing answers, so its bytes are seen off before the connection is closed. */
async function signOut({ stream, connection, id }: Live): Promise<void> {
  if (connection.usable()) {
    const header = { type: 'oneway', name: signout.name, sequence: 0 } as const
    const signal = AbortSignal.timeout(farewellMs)
    const gone = once(stream, 'finish', { signal }).catch(() => {})
    stream.end(frame(encodeMessage(header, signout.args, { session: id })))
    await gone
  }
  connection.close()
}

/** What a call brought. @throws nebula.protocol for an exception, or an answer without a value */
function answerOf<T>(
  outcome: Outcome<{ readonly success?: T | undefined }>,
  address: string,
  method: ThriftMethod<unknown, unknown>['name'],
): T {
  if (outcome.kind === 'reply' && outcome.value.success !== undefined) return outcome.value.success
  const why = outcome.kind === 'reply' ? 'an empty answer' : shown(outcome.message)
  throw new BkpError('nebula.protocol', `graphd ${address} answered ${method} with ${why}`, {
    hint: 'is it the port of graphd (9669 by default), not that of metad or storaged?',
  })
}

function tableOf(answer: ExecutionAnswer, statement: string, address: string): GraphTable {
  requireDone(answer, statement, address)
  return readTable(answer.data ?? {})
}

function requireDone(
  { code = 0, message }: ExecutionAnswer,
  statement: string,
  address: string,
  space?: string,
): void {
  if (code === 0) return
  const isMissing = space !== undefined && /not\s?(found|exist)/i.test(message ?? '')
  if (isMissing && !isSessionLost(code)) {
    throw new BkpError('nebula.space_not_found', `graphd ${address} knows no space "${space}"`, {
      hint: 'SHOW SPACES lists them; spaces that were just restored take some seconds to be known',
      details: { space, code, server_message: shown(message) },
    })
  }
  throw refused(statement, address, code, message)
}

function refused(
  what: string,
  address: string,
  code: number,
  message: string | undefined,
): BkpError {
  const name = graphCodeName(code)
  const hint = graphHint(code)
  const said = message === undefined || message === '' ? '' : `: ${shown(message)}`
  return new BkpError('nebula.refused', `graphd ${address} refused ${what} (${name})${said}`, {
    details: { code, name },
    ...(hint === undefined ? {} : { hint }),
  })
}

function isLost(error: unknown): boolean {
  if (!(error instanceof BkpError)) return false
  const code = error.details['code']
  return error.code === 'nebula.refused' && typeof code === 'number' && isSessionLost(code)
}

/** Once a statement is on its way, silence does not say that it was not done. */
async function sentOnce<T>(statement: string, address: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    if (!(error instanceof BkpError) || error.code === 'nebula.refused') throw error
    throw new BkpError(
      'nebula.outcome_unknown',
      `the answer of graphd ${address} to ${statement} was lost: ${error.message}`,
      { cause: error, hint: 'look whether it was done before it is sent again' },
    )
  }
}

/** Text of a server as messages show it. */
function shown(text = ''): string {
  return escapeControls(text.slice(0, 500), { newlines: false })
}
