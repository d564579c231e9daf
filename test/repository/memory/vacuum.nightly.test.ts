import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createFileStorage } from '../../../src/storage/file.ts'
import { pathOfKey } from '../../../src/storage/file-layout.ts'
import { backUp, backupOptions, memoryHost, quietIo } from '../support.ts'
import { peakOf } from './memory-run.ts'

const blockBytes = 64
/** Each brings a list block of its own, as lists are cut where blocks are: a million in all. */
const dataBlocks = 500_000

let work = ''

afterEach(() => {
  rmSync(work, { recursive: true, force: true })
  // A million files are not removed in a moment.
}, 1_800_000)

/** A folder that takes blocks without syncing each: a million syncs would take the night. */
function hastyStorage(directory: string): Storage {
  const storage = createFileStorage({ directory })
  return {
    ...storage,
    put: async (key, bytes, io) => {
      if (!key.startsWith('data/')) return await storage.put(key, bytes, io)
      const path = join(directory, pathOfKey(key))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
    },
  }
}

it('a vacuum of a million blocks, half of them garbage, stays below 500 MB', async () => {
  work = mkdtempSync(join(tmpdir(), 'bkp-vacuum-'))
  const vault = join(work, 'vault')
  const storage = hastyStorage(vault)
  const host = memoryHost('db1')
  for (let n = 0; n < 2; n += 1) {
    host.set('large', Uint8Array.from(randomBytes((dataBlocks / 2) * blockBytes)))
    const tools = { clock: systemClock, random: systemRandom, acceptClock: true }
    await backUp(backupOptions(storage, [host], tools), quietIo)
  }
  const { peakBytes, said } = await peakOf(work, [
    'vacuum',
    `file://${vault}`,
    ...['--max-backups', '1', '--min-backups', '1', '--quarantine', '0', '--confirm'],
    ...['--accept-clock', '--json'],
  ])
  process.stdout.write(`${peakBytes} bytes\n${said.slice(-600)}\n`)
  const result = JSON.parse(said)
  expect(result).toMatchObject({ state: 'closed' })
  expect(result.deleted_blocks).toBeGreaterThanOrEqual(dataBlocks)
  expect(peakBytes).toBeLessThan(500 * 1000 * 1000)
})
