import { type Duplex, duplexPair } from 'node:stream'
import { authenticate, execute, signout } from '../../../../src/databases/nebula/graph/service.ts'
import { frame, frameReader } from '../../../../src/databases/nebula/thrift/frames.ts'
import { decodeMessage, encodeMessage } from '../../../../src/databases/nebula/thrift/messages.ts'
import {
  field,
  i32,
  i64,
  list,
  struct,
  type ThriftType,
  text,
} from '../../../../src/databases/nebula/thrift/types.ts'

/** What a fake graphd says to a statement: a table, an error, or nothing at all any more. */
export type Said =
  | {
      readonly columns: readonly string[]
      readonly rows: readonly (readonly (string | bigint)[])[]
    }
  | { readonly code: number; readonly message: string }
  | 'breaks off'

export interface FakeGraphd {
  /** Everything it was asked, in order: `authenticate root`, `execute 7 SHOW JOBS`, `signout 7`. */
  readonly asked: readonly string[]
  connect(): Promise<Duplex>
}

const Cell = struct('Value', { int: field(3, i64), text: field(5, text) })
const cell: ThriftType<string | bigint> = {
  wire: 12,
  read: () => '',
  write: (writer, value) =>
    Cell.write(writer, typeof value === 'bigint' ? { int: value } : { text: value }),
}
const Row = struct('Row', { values: field(1, list(cell)) })
const Table = struct('DataSet', { columns: field(1, list(text)), rows: field(2, list(Row)) })
const Answer = struct('execute_result', {
  success: field(
    0,
    struct('ExecutionResponse', {
      code: field(1, i32),
      latency: field(2, i64),
      data: field(3, Table),
      message: field(5, text),
    }),
  ),
})
const Signed = struct('authenticate_result', {
  success: field(
    0,
    struct('AuthResponse', {
      code: field(1, i32),
      message: field(2, text),
      session: field(3, i64),
    }),
  ),
})

/** A graphd in memory, on the wire format of the real one. Sessions are numbered from 1. */
export function fakeGraphd(
  say: (statement: string, session: bigint) => Said,
  { password = 'nebula' }: { readonly password?: string } = {},
): FakeGraphd {
  const asked: string[] = []
  let sessions = 0n

  function answer(message: Uint8Array): Uint8Array | 'breaks off' | undefined {
    const { header, body } = decodeMessage(message)
    const { name, sequence } = header
    const reply = { type: 'reply', name, sequence } as const
    if (name === 'signout') {
      asked.push(`signout ${body(signout.args).session}`)
      return undefined
    }
    if (name === 'authenticate') {
      const given = body(authenticate.args)
      asked.push(`authenticate ${given.user}`)
      if (given.password !== password) {
        return encodeMessage(reply, Signed, {
          success: { code: -1001, message: 'Invalid password' },
        })
      }
      sessions += 1n
      return encodeMessage(reply, Signed, { success: { code: 0, session: sessions } })
    }
    const { session = 0n, statement = '' } = body(execute.args)
    asked.push(`execute ${session} ${statement}`)
    const said = say(statement, session)
    if (said === 'breaks off') return said
    const success =
      'code' in said
        ? { ...said, latency: 1n }
        : {
            code: 0,
            latency: 1n,
            data: { columns: said.columns, rows: said.rows.map(values => ({ values })) },
          }
    return encodeMessage(reply, Answer, { success })
  }

  return {
    asked,
    connect: async () => {
      const [ours, theirs] = duplexPair()
      const frames = frameReader()
      ours.on('error', () => {})
      ours.on('data', (chunk: Uint8Array) => {
        for (const message of frames.push(chunk)) {
          const reply = answer(message)
          if (reply === 'breaks off') ours.end()
          else if (reply !== undefined) ours.write(frame(reply))
        }
      })
      return theirs
    },
  }
}

export const nothing: Said = { columns: [], rows: [] }
