import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { soak } from './soak.ts'

let folder = ''

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

it('eight processes that back up and vacuum one repository are killed at random for ten minutes', async () => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-soak-'))
  const soaked = await soak(join(folder, 'vault'), { processes: 8, milliseconds: 600_000 })
  process.stdout.write(`${JSON.stringify(soaked)}\n`)
  expect(soaked.wrong).toEqual([])
  expect(soaked.deletedBlocks).toBeGreaterThan(200)
})
