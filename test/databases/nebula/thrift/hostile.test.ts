import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BkpError } from '../../../../src/base/errors.ts'
import { generations } from '../../../../src/databases/nebula/contract.ts'
import { thriftConnection } from '../../../../src/databases/nebula/thrift/connection.ts'
import { frame, frameReader } from '../../../../src/databases/nebula/thrift/frames.ts'
import { decodeMessage, encodeMessage } from '../../../../src/databases/nebula/thrift/messages.ts'
import { defaultLimits, thriftReader } from '../../../../src/databases/nebula/thrift/reader.ts'
import {
  bool,
  bytes,
  double,
  field,
  i16,
  i32,
  i64,
  list,
  map,
  struct,
  text,
} from '../../../../src/databases/nebula/thrift/types.ts'
import { thriftWriter } from '../../../../src/databases/nebula/thrift/writer.ts'
import { methodsOf } from '../fake-metad.ts'
import { golden } from '../golden.ts'

const Leaf = struct('Leaf', { id: field(1, i64), name: field(2, text), on: field(7, bool) })
const Every = struct('Every', {
  small: field(1, i16),
  number: field(2, i32),
  raw: field(3, bytes),
  real: field(4, double),
  leaves: field(5, list(Leaf)),
  byNumber: field(6, map(i32, map(text, list(i32)))),
  leaf: field(300, Leaf),
})

/** Absent in place of undefined: as a decoder leaves it. */
const sparse = <T extends object>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] })
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const leaf = sparse({
  id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  name: fc.string({ unit: 'binary' }),
  on: fc.boolean(),
})
const every = sparse({
  small: fc.integer({ min: -32_768, max: 32_767 }),
  number: int32,
  raw: fc.uint8Array(),
  real: fc.double(),
  leaves: fc.array(leaf),
  byNumber: fc
    .array(fc.tuple(int32, fc.array(fc.tuple(fc.string(), fc.array(int32)))))
    .map(rows => new Map(rows.map(([key, inner]) => [key, new Map(inner)]))),
  leaf,
})

const header = { type: 'reply', name: 'x', sequence: 7 } as const

test('whatever is written is read again', () => {
  fc.assert(
    fc.property(every, value => {
      const message = encodeMessage(header, Every, value)
      const { header: read, body } = decodeMessage(message)
      expect(read).toEqual(header)
      expect(body(Every)).toEqual(value)
    }),
    { numRuns: 200 },
  )
})

test('a reader that knows fewer fields skips the others', () => {
  const Few = struct('Few', { number: field(2, i32), leaf: field(300, Leaf) })
  fc.assert(
    fc.property(every, value => {
      const { number, leaf: its } = value
      const expected = {
        ...(number === undefined ? {} : { number }),
        ...(its === undefined ? {} : { leaf: its }),
      }
      expect(decodeMessage(encodeMessage(header, Every, value)).body(Few)).toEqual(expected)
    }),
    { numRuns: 100 },
  )
})

test('a field of another type is skipped, as those that versions changed', () => {
  const Old = struct('DropSnapshotReq', { name: field(1, text), after: field(2, i32) })
  const New = struct('DropSnapshotReq', { names: field(1, list(text)), after: field(2, i32) })
  const message = encodeMessage(header, Old, { name: 'BACKUP_X', after: 5 })
  expect(decodeMessage(message).body(New)).toEqual({ after: 5 })
})

/** Decodes with every table that there is; anything but a value or nebula.protocol fails the test. */
function decodeEveryhow(message: Uint8Array): void {
  for (const generation of generations) {
    for (const method of methodsOf(generation).values()) {
      for (const type of [method.args, method.result]) {
        try {
          decodeMessage(message).body<unknown>(type)
        } catch (error) {
          if (!(error instanceof BkpError) || error.code !== 'nebula.protocol') throw error
        }
      }
    }
  }
}

const recorded = readdirSync(golden)
  .filter(name => /-framed-.*\.hex$/.test(name))
  .map(name => Buffer.from(readFileSync(join(golden, name), 'utf8').trim(), 'hex').subarray(4))
const longest = recorded.toSorted((one, other) => other.length - one.length)[0] ?? Buffer.alloc(0)

test('a message cut off at any byte is refused', () => {
  const { name } = decodeMessage(longest).header
  const method = methodsOf('3.3').get(name)
  if (method === undefined) throw new Error(`no table for ${name}`)
  for (let length = 0; length < longest.length; length += 1) {
    const cut = longest.subarray(0, length)
    const read = () => decodeMessage(cut).body<unknown>(method.result)
    expect(read).toThrow(expect.objectContaining({ code: 'nebula.protocol' }))
  }
})

test('bytes changed at random are a value or refused, never more', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...recorded),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (message, changes) => {
        const damaged = Buffer.from(message)
        for (const [at, value] of changes) damaged[at % damaged.length] = value
        decodeEveryhow(damaged)
      },
    ),
    { numRuns: 100 },
  )
})

test('random bytes are a value or refused, never more', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), decodeEveryhow), {
    numRuns: 100,
  })
})

const deep = (levels: number) =>
  Buffer.concat([Buffer.from('0c0001'.repeat(levels), 'hex'), Buffer.alloc(levels + 1)])
const bombs: Readonly<Record<string, Buffer>> = {
  'a list of two thousand million structs': Buffer.from('0f00050c7fffffff', 'hex'),
  'a list with a negative size': Buffer.from('0f00050cffffffff', 'hex'),
  'a map with as many': Buffer.from('0d0006080d7fffffff', 'hex'),
  'a string of two thousand million bytes': Buffer.from('0b00037fffffff', 'hex'),
  'a string with a negative size': Buffer.from('0b000380000000', 'hex'),
  'an unknown list of lists of bools': Buffer.from('0f00630f7fffffff', 'hex'),
  'a million levels': deep(1_000_000),
  'an unknown type': Buffer.from('050001', 'hex'),
  'a bool that is none': Buffer.from('0c012c02000702', 'hex'),
  'elements of another type': Buffer.from('0f00050b00000001000000000000', 'hex'),
  'bytes behind its end': Buffer.from('0000', 'hex'),
}
test.each(Object.entries(bombs))('%s is refused without memory for it', (_what, body) => {
  const message = Buffer.concat([encodeMessage(header, Every, {}).subarray(0, -1), body])
  const before = process.memoryUsage().rss
  expect(() => decodeMessage(message).body(Every)).toThrow(BkpError)
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
})

test('more elements than anybody needs are refused, though their bytes are there', () => {
  const writer = thriftWriter()
  list(struct('Empty', {})).write(writer, Array<object>(5001).fill({}))
  const many = writer.done()
  const read = (elements: number) =>
    list(struct('Empty', {})).read(thriftReader(many, { ...defaultLimits, elements }))
  expect(read(5001)).toHaveLength(5001)
  expect(() => read(5000)).toThrow(/more than 5000 elements/)
})

test('frames come out whole, however they are cut', () => {
  const messages = recorded.slice(0, 6)
  const all = Buffer.concat(messages.map(frame))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: all.length })), cuts => {
      const reader = frameReader()
      const places = [0, ...cuts.toSorted((one, other) => one - other), all.length]
      const got = places.flatMap((from, at) =>
        reader.push(all.subarray(from, places[at + 1] ?? from)),
      )
      expect(got.map(message => message.toString('hex'))).toEqual(
        messages.map(message => message.toString('hex')),
      )
    }),
    { numRuns: 100 },
  )
})

const strangers: Readonly<Record<string, readonly [Buffer, RegExp, RegExp]>> = {
  'an HTTP port': [Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /ws_http_port/, /9559/],
  'the first word of HTTP alone': [Buffer.from('HTTP'), /ws_http_port/, /9559/],
  'an SSH server': [Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), /SSH server/, /9559/],
  'a TLS alert': [Buffer.from('15030300020246', 'hex'), /TLS/, /enable_ssl/],
  'the header transport': [
    Buffer.from('000000210fff0000000000010001', 'hex'),
    /header transport/,
    /proxy/,
  ],
  'thrift without frames': [Buffer.from('800100020000000c', 'hex'), /without frames/, /proxy/],
  'something else': [Buffer.from('4a0000000a352e372e', 'hex'), /no framed binary/, /9559/],
}
test.each(Object.entries(strangers))('%s is recognized', async (_what, [answer, says, hint]) => {
  const [ours, theirs] = duplexPair()
  const connection = thriftConnection(ours, { peer: 'metad m:19559' })
  theirs.once('data', () => theirs.write(answer))
  const { signal } = new AbortController()
  const [method] = methodsOf('3.3').values()
  if (method === undefined) throw new Error('no method')
  await expect(connection.call(method, { req: {} }, signal)).rejects.toMatchObject({
    code: 'nebula.protocol',
    message: expect.stringMatching(new RegExp(`^metad m:19559: .*${says.source}`)),
    hint: expect.stringMatching(hint),
  })
  expect(connection.usable()).toBe(false)
})

test('a peer that closes at once may want TLS', async () => {
  const [ours, theirs] = duplexPair()
  const connection = thriftConnection(ours, { peer: 'metad m:9559' })
  theirs.once('data', () => theirs.end())
  const [method] = methodsOf('3.3').values()
  if (method === undefined) throw new Error('no method')
  const { signal } = new AbortController()
  await expect(connection.call(method, { req: {} }, signal)).rejects.toMatchObject({
    code: 'nebula.unreachable',
    message: 'metad m:9559 closed the connection without an answer',
    hint: expect.stringContaining('--enable_ssl'),
  })
})

test('a frame above the limit is refused when it is announced', () => {
  const reader = frameReader(1024)
  expect(() => reader.push(Buffer.from('0000040180010002', 'hex'))).toThrow(/more than 1\.0 KiB/)
})
