import { connect } from 'node:net'

/** A value of TBinaryProtocol with its type: what this client needs of it. */
export type Thrift =
  | { readonly bool: boolean }
  | { readonly i32: number }
  | { readonly i64: bigint }
  | { readonly text: string }
  | { readonly list: readonly Thrift[] }
  | { readonly struct: Struct }

/** Fields by id. */
export type Struct = Readonly<Record<number, Thrift>>

/** What a reply decodes to: structs by field id, maps and lists as they are, strings as text. */
export type Decoded =
  | boolean
  | number
  | bigint
  | string
  | readonly Decoded[]
  | { readonly [key: string]: Decoded }

/**
 * A client that shares nothing with bkp's: framed strict binary, one call a connection. Gives field 0 of the
 * reply. @throws Error where the service answers an exception, or closes the connection
 */
export async function callThrift(
  address: string,
  method: string,
  request: Struct,
): Promise<Readonly<Record<string, Decoded>>> {
  return await callService(address, method, { 1: { struct: request } })
}

/** The same for services whose methods have several arguments: graphd. */
export async function callService(
  address: string,
  method: string,
  request: Struct,
): Promise<Readonly<Record<string, Decoded>>> {
  const [host, port] = address.split(':')
  const name = Buffer.from(method)
  const message = Buffer.concat([
    Buffer.from([0x80, 1, 0, 1]),
    int32(name.length),
    name,
    int32(1),
    encodeStruct(request),
  ])
  const reply = await exchange(
    host ?? '',
    Number(port),
    Buffer.concat([int32(message.length), message]),
  )
  const reader = { bytes: reply, at: 4 }
  const called = readText(reader)
  reader.at += 4
  const result = readStruct(reader)
  if (reply[3] !== 2) throw new Error(`${called}: ${JSON.stringify(result)}`)
  return result['0'] as Readonly<Record<string, Decoded>>
}

async function exchange(host: string, port: number, request: Buffer): Promise<Buffer> {
  const socket = connect(port, host)
  socket.write(request)
  let received = Buffer.alloc(0)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer])
    if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      socket.destroy()
      return received.subarray(4)
    }
  }
  throw new Error(`${host}:${port} closed the connection after ${received.length} bytes`)
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function encodeStruct(struct: Struct): Buffer {
  const fields = Object.entries(struct).map(([id, value]) => {
    const head = Buffer.from([typeOf(value), 0, Number(id)])
    return Buffer.concat([head, encode(value)])
  })
  return Buffer.concat([...fields, Buffer.from([0])])
}

function typeOf(value: Thrift): number {
  if ('bool' in value) return 2
  if ('i32' in value) return 8
  if ('i64' in value) return 10
  if ('text' in value) return 11
  return 'list' in value ? 15 : 12
}

function encode(value: Thrift): Buffer {
  if ('bool' in value) return Buffer.from([value.bool ? 1 : 0])
  if ('i32' in value) return int32(value.i32)
  if ('i64' in value) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(value.i64)
    return bytes
  }
  if ('struct' in value) return encodeStruct(value.struct)
  if ('text' in value) {
    const bytes = Buffer.from(value.text)
    return Buffer.concat([int32(bytes.length), bytes])
  }
  const [first] = value.list
  const head = Buffer.from([first === undefined ? 11 : typeOf(first)])
  return Buffer.concat([head, int32(value.list.length), ...value.list.map(encode)])
}

interface Reader {
  readonly bytes: Buffer
  at: number
}

function take(reader: Reader, length: number): Buffer {
  const taken = reader.bytes.subarray(reader.at, reader.at + length)
  if (taken.length < length) throw new Error('the reply ends early')
  reader.at += length
  return taken
}

const readInt32 = (reader: Reader): number => take(reader, 4).readInt32BE()
const readByte = (reader: Reader): number => take(reader, 1).readInt8()

function readText(reader: Reader): string {
  return take(reader, readInt32(reader)).toString()
}

function readStruct(reader: Reader): Readonly<Record<string, Decoded>> {
  const found: Record<string, Decoded> = {}
  for (;;) {
    const type = readByte(reader)
    if (type === 0) return found
    const id = take(reader, 2).readInt16BE()
    found[id] = read(reader, type)
  }
}

function read(reader: Reader, type: number): Decoded {
  switch (type) {
    case 2:
      return readByte(reader) !== 0
    case 3:
      return readByte(reader)
    case 6:
      return take(reader, 2).readInt16BE()
    case 8:
      return readInt32(reader)
    case 10:
      return take(reader, 8).readBigInt64BE()
    case 11:
      return readText(reader)
    case 12:
      return readStruct(reader)
    case 13:
      return readMap(reader)
    case 15:
      return readList(reader)
    default:
      throw new Error(`the reply has type ${type}`)
  }
}

function readMap(reader: Reader): Decoded {
  const [keys, values, count] = [readByte(reader), readByte(reader), readInt32(reader)]
  const pairs = Array.from({ length: count }, () => [
    String(read(reader, keys)),
    read(reader, values),
  ])
  return Object.fromEntries(pairs) as Decoded
}

function readList(reader: Reader): Decoded {
  const [type, count] = [readByte(reader), readInt32(reader)]
  return Array.from({ length: count }, () => read(reader, type))
}
