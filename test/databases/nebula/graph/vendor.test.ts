import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { authenticate, execute, signout } from '../../../../src/databases/nebula/graph/service.ts'
import { readTable } from '../../../../src/databases/nebula/graph/values.ts'
import { frame, frameReader } from '../../../../src/databases/nebula/thrift/frames.ts'
import { decodeOutcome, encodeMessage } from '../../../../src/databases/nebula/thrift/messages.ts'

// What the vendor's Go client writes and its generated structs encode: test/golden/nebula/README.md.
const folder = new URL('../../../golden/nebula/', import.meta.url)
const versions = ['2.0', '2.5', '3.8'] as const
const session = 1234567890123n

function golden(name: string): Buffer {
  return Buffer.from(readFileSync(new URL(`graph-${name}.hex`, folder), 'utf8').trim(), 'hex')
}

function reply<A, R>(name: string, method: Parameters<typeof decodeOutcome<A, R>>[1]): R {
  const [message, ...others] = frameReader().push(golden(`${name}.response`))
  expect(others).toEqual([])
  const outcome = decodeOutcome(message ?? Buffer.alloc(0), method, 0)
  if (outcome.kind !== 'reply') throw new Error(outcome.message)
  return outcome.value
}

describe.each(versions)('graphd %s', version => {
  it('is asked as its own client asks', () => {
    // The older clients count from 1.
    const sequence = version === '3.8' ? 0 : 1
    const call = { type: 'call', sequence } as const
    expect(
      frame(
        encodeMessage({ ...call, name: 'authenticate' }, authenticate.args, {
          user: 'root',
          password: 'nebula',
        }),
      ),
    ).toEqual(golden(`${version}-authenticate.request`))
    expect(
      frame(
        encodeMessage({ ...call, name: 'execute' }, execute.args, {
          session,
          statement: 'SHOW STATS',
        }),
      ),
    ).toEqual(golden(`${version}-execute.request`))
    const farewell = encodeMessage({ type: 'oneway', name: signout.name, sequence }, signout.args, {
      session,
    })
    // The client of 2.0-ga sends it as a call; servers take no notice of which it is.
    const expected = golden(`${version}-signout.request`)
    if (version === '2.0') expected[7] = 4
    expect(frame(farewell)).toEqual(expected)
  })

  it('lets us in, or says why not', () => {
    expect(reply(`${version}-authenticate`, authenticate).success).toEqual({ code: 0, session })
    const { success } = reply(`${version}-authenticate-refused`, authenticate)
    expect(success).toEqual({ code: version === '2.0' ? -4 : -1001, message: 'Invalid password' })
  })

  it('answers statements with nothing, and with errors', () => {
    expect(reply(`${version}-execute-empty`, execute).success).toEqual({ code: 0 })
    expect(reply(`${version}-execute-denied`, execute).success).toEqual({
      code: version === '2.0' ? -11 : -1008,
      message: 'No permission to show users/snapshots/textClients',
    })
    expect(reply(`${version}-execute-session`, execute).success?.code).toBe(
      version === '2.0' ? -5 : -1002,
    )
  })
})

// The client of 2.0-ga cannot write text into a value at all; what it reads is the same as of 2.5.
describe.each(['2.5', '3.8'] as const)('graphd %s', version => {
  it('answers with a table', () => {
    const { success } = reply(`${version}-execute-stats`, execute)
    expect(success?.space).toBe('basketballplayer')
    const { columns, rows } = readTable(success?.data ?? {})
    expect(columns).toEqual(['Type', 'Name', 'Count'])
    expect(rows).toHaveLength(6)
    expect(rows.at(-1)).toEqual(['Space', 'edges', 233n])
  })

  it('answers with values of every type', () => {
    const { success } = reply(`${version}-execute-values`, execute)
    const vertex = { vid: 'player100', tags: { player: { age: 42n } } }
    const later = [[{ point: [3, 8] }], [{ seconds: 60n, microseconds: 5n, months: 2n }]]
    expect(readTable(success?.data ?? {}).rows).toEqual([
      [null],
      [null],
      [null],
      [true],
      [-9223372036854775808n],
      [-1.5],
      ['größe \u0000'],
      ['2021-03-09'],
      ['08:43:12.000345'],
      ['2021-03-09T08:43:12.000345'],
      [vertex],
      [
        {
          src: 'player100',
          dst: 'team204',
          type: 5n,
          name: 'serve',
          ranking: -7n,
          props: { start_year: 1997n },
        },
      ],
      [
        {
          src: vertex,
          steps: [
            {
              dst: { vid: 9n, tags: {} },
              type: 5n,
              name: 'serve',
              ranking: 1n,
              props: { x: false },
            },
          ],
        },
      ],
      [[1n, 'a']],
      [{ k: 2.25 }],
      [[3n]],
      [{ columns: ['c'], rows: [[4n]] }],
      ...(version === '3.8' ? later : []),
    ])
  })
})
