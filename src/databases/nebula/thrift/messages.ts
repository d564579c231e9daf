import { BkpError } from '../../../base/errors.ts'
import { defaultLimits, type ReaderLimits, thriftReader } from './reader.ts'
import { field, i32, struct, type ThriftStruct, text, type ValueOf } from './types.ts'
import { thriftWriter } from './writer.ts'

/** A call of a service: the struct of its arguments, and the one of its result (0: success). */
export interface ThriftMethod<Arguments, Result> {
  readonly name: string
  readonly args: ThriftStruct<Arguments>
  readonly result: ThriftStruct<Result>
}

export type MessageType = 'call' | 'reply' | 'exception' | 'oneway'

const messageTypes: readonly MessageType[] = ['call', 'reply', 'exception', 'oneway']

export interface MessageHeader {
  readonly type: MessageType
  readonly name: string
  readonly sequence: number
}

/** How a server says that it could not handle a call. */
export const ApplicationException = struct('TApplicationException', {
  message: field(1, text),
  type: field(2, i32),
})

/** `type` of a TApplicationException for a method that the server does not have. */
export const unknownMethod = 1

/** What answered a call. */
export type Outcome<Result> =
  | { readonly kind: 'reply'; readonly value: Result }
  | { readonly kind: 'exception'; readonly type: number; readonly message: string }

/** A message without its frame: `0x8001` and the type, the name, the sequence id, a struct. */
export function encodeMessage<T>(header: MessageHeader, body: ThriftStruct<T>, value: T): Buffer {
  const writer = thriftWriter()
  writer.u32(0x8001_0000 + messageTypes.indexOf(header.type) + 1)
  text.write(writer, header.name)
  writer.i32(header.sequence)
  body.write(writer, value)
  return writer.done()
}

/** The header, and what reads the struct behind it. @throws nebula.protocol */
export function decodeMessage(
  message: Uint8Array,
  limits: ReaderLimits = defaultLimits,
): { readonly header: MessageHeader; body<T>(type: ThriftStruct<T>): T } {
  const reader = thriftReader(message, limits)
  const version = reader.u32()
  const type = messageTypes[(version & 0xff) - 1]
  if ((version & 0xffff_0000) >>> 0 !== 0x8001_0000 || type === undefined) {
    throw reader.fail('it does not begin as a message of the binary protocol')
  }
  const header = { type, name: text.read(reader), sequence: reader.i32() }
  return {
    header,
    body: struct => {
      const value = struct.read(reader)
      if (reader.left() > 0) throw reader.fail(`${reader.left()} bytes behind its end`)
      return value
    },
  }
}

/**
 * What a message says to a call. Its type is looked at before its name: servers answer an unknown
 * method under the name `process` (specs §1.1).
 * @throws nebula.protocol
 */
export function decodeOutcome<Arguments, Result>(
  message: Uint8Array,
  method: ThriftMethod<Arguments, Result>,
  sequence: number,
): Outcome<Result> {
  const { header, body } = decodeMessage(message)
  if (header.type === 'exception') {
    const thrown: ValueOf<typeof ApplicationException> = body(ApplicationException)
    return { kind: 'exception', type: thrown.type ?? 0, message: thrown.message ?? '' }
  }
  if (header.type !== 'reply') throw unexpected(method.name, `a ${header.type}`)
  if (header.name !== method.name) throw unexpected(method.name, `a reply to "${header.name}"`)
  if (header.sequence !== sequence) {
    throw unexpected(method.name, `reply ${header.sequence} instead of ${sequence}`)
  }
  return { kind: 'reply', value: body(method.result) }
}

function unexpected(name: string, what: string): BkpError {
  return new BkpError('nebula.protocol', `${name} was answered by ${what}`)
}
