import { expect, it } from 'vitest'
import { writeText } from '../../src/cli/write-text.ts'

/** A reader that takes a piece only when told to, and may go away. */
function slowReader(takes = Number.POSITIVE_INFINITY) {
  const pieces: string[] = []
  let waiting = 0
  let most = 0
  return {
    pieces,
    most: () => most,
    stream: {
      isTerminal: false,
      write: () => {
        throw new Error('written without waiting')
      },
      writeBytes: async (bytes: Uint8Array) => {
        waiting += 1
        most = Math.max(most, waiting)
        await new Promise(resolve => setImmediate(resolve))
        waiting -= 1
        pieces.push(Buffer.from(bytes).toString())
        return pieces.length < takes
      },
    },
  }
}

const line = `${'x'.repeat(99)}\n`

async function* lines(count: number, told: { made: number }): AsyncGenerator<string> {
  for (; told.made < count; told.made += 1) yield line
}

it('waits for whoever reads: what is not read yet is not made', async () => {
  const reader = slowReader()
  const told = { made: 0 }
  await writeText(reader.stream, lines(10_000, told))
  expect(reader.most()).toBe(1)
  expect(reader.pieces.join('')).toBe(line.repeat(10_000))
  expect(reader.pieces.length).toBeLessThan(20)
})

it('ends once nobody reads any more', async () => {
  const reader = slowReader(2)
  const told = { made: 0 }
  await writeText(reader.stream, lines(1_000_000, told))
  expect(reader.pieces).toHaveLength(2)
  expect(told.made).toBeLessThan(2000)
})

it('tells a person at once', async () => {
  const said: string[] = []
  const stream = { isTerminal: true, write: (text: string) => void said.push(text) }
  await writeText(stream, lines(3, { made: 0 }))
  expect(said).toEqual([line, line, line])
})
