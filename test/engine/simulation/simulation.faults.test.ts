import { describe, expect, it } from 'vitest'
import { promisesBroken } from './broken.ts'
import { failuresOf } from './check.ts'
import { plantedReaders } from './planted.ts'

const seeds = 5000

describe('the interpreter under a seeded simulator', () => {
  it(`keeps its promises for ${seeds} seeds: answers, outages, signals`, async () => {
    expect(await failuresOf({ first: 0, seeds })).toEqual([])
  })

  it(`keeps its promises for ${seeds} seeds of runs that are killed, resumed and aborted`, async () => {
    expect(await failuresOf({ first: 0, seeds, deaths: true })).toEqual([])
  })
})

describe('a bug planted in resuming is found', () => {
  it.each(plantedReaders)('$breaks: $bug', async ({ breaks, reads }) => {
    expect(await promisesBroken({ reads, deaths: true }, breaks)).toContain(breaks)
  })
})
