import { expect, it } from 'vitest'
import { createEarlyFlush } from '../../../src/repository/restore/flush-early.ts'

const mebibyte = 1024 * 1024
const path = (name: string): Uint8Array => Buffer.from(name)

/** Flushes that end when they are told to. */
function held() {
  const begun: { readonly name: string; readonly end: (error?: Error) => void }[] = []
  const flush = (at: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (error?: Error): void => (error === undefined ? resolve() : reject(error))
      begun.push({ name: Buffer.from(at).toString(), end })
    })
  return { begun, early: createEarlyFlush(flush) }
}

it('has the disk take a file each time 16 MiB of it were written', () => {
  const { begun, early } = held()
  const [one, two] = [path('one'), path('two')]
  for (const at of [one, two, one]) early.wrote(at, 8 * mebibyte)
  expect(begun.map(({ name }) => name)).toEqual(['one'])
  early.wrote(one, 8 * mebibyte)
  early.wrote(one, 8 * mebibyte)
  expect(begun.map(({ name }) => name)).toEqual(['one', 'one'])
})

it('begins no more than two at once, and leaves what is due to the next that is written', async () => {
  const { begun, early } = held()
  const [one, two, three] = [path('one'), path('two'), path('three')]
  for (const at of [one, two, three]) early.wrote(at, 16 * mebibyte)
  expect(begun.map(({ name }) => name)).toEqual(['one', 'two'])
  begun[0]?.end()
  await expect
    .poll(() => {
      early.wrote(three, 1)
      return begun.map(({ name }) => name)
    })
    .toEqual(['one', 'two', 'three'])
})

it('waits for all that it began, and keeps the first error: it may be told only once', async () => {
  const { begun, early } = held()
  early.wrote(path('one'), 16 * mebibyte)
  early.wrote(path('two'), 16 * mebibyte)
  const settled = early.settled()
  let isOver = false
  void settled
    .catch(() => {})
    .finally(() => {
      isOver = true
    })
  begun[0]?.end(new Error('EIO'))
  await new Promise(resolve => setImmediate(resolve))
  expect(isOver).toBe(false)
  begun[1]?.end()
  await expect(settled).rejects.toThrow('EIO')
})
