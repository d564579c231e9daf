import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/base/clock.ts'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import { backUp } from '../../../src/repository/backup.ts'
import { vacuum } from '../../../src/repository/vacuum/vacuum.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createFileStorage } from '../../../src/storage/file.ts'
import { backupOptions } from '../support.ts'
import { hostIn } from './content.ts'

/** One process of the soak: `worker.mjs DIRECTORY NUMBER`; backs up and vacuums until it is killed. */
const [directory = '', number = '0'] = process.argv.slice(2)
const worker = Number(number)
const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
const chance = (probability: number): boolean => Math.random() < probability

/**
 * A storage that dates all it has an hour ago: whoever is dead has been silent for long enough, and
 * nobody for so long that he would be watched for a quarter of an hour.
 */
function aged(storage: Storage): Storage {
  return Object.freeze({
    ...storage,
    now: async () => new Date(),
    list: async function* (...words: Parameters<Storage['list']>) {
      for await (const info of storage.list(...words)) {
        yield { ...info, modified: new Date(info.modified.getTime() - 3_600_000) }
      }
    },
  })
}

function isAlive(pid: number): boolean {
  // Now and then somebody who lives is taken for dead: that may only fail a backup, cleanly.
  if (chance(0.05)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const storage = createFileStorage({ directory })
const tools = { clock: systemClock, random, controller: 'soak', acceptClock: true }

async function backUpOnce(): Promise<void> {
  const version = Math.floor(Math.random() * 40)
  const host = hostIn(worker, version)
  // Now and then somebody is slow: vacuums pass by in the middle of a backup.
  const slow = chance(0.3)
  const { readFiles } = host
  const source = {
    ...host,
    readFiles: async (...words: Parameters<typeof readFiles>) => {
      if (slow) await sleep(Math.random() * 800)
      return await readFiles(...words)
    },
  }
  const { backup } = await backUp(
    {
      ...backupOptions(storage, [source], tools),
      cluster: { kind: 'files', name: `set${worker}` },
      labels: { worker: `${worker}`, version: `${version}` },
      pid: process.pid,
      checkpointEveryMs: chance(0.3) ? 0 : 600_000,
    },
    quietIo,
  )
  process.stdout.write(`committed ${backup}\n`)
}

async function vacuumOnce(): Promise<void> {
  const policy = { maxBackups: 2 + Math.floor(Math.random() * 4), minBackups: 1 }
  const options = { storage: aged(storage), policy, quarantineMs: 0, confirmed: true, isAlive }
  const { state, deleted_blocks: blocks } = await vacuum({ ...tools, ...options }, quietIo)
  process.stdout.write(`vacuumed ${state} ${blocks}\n`)
}

for (;;) {
  try {
    await (chance(0.6) ? backUpOnce() : vacuumOnce())
  } catch (error) {
    // What may happen to the honest when others are careless; everything else is a fault of ours.
    const code = error instanceof BkpError ? error.code : 'no error of bkp'
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stdout.write(
      `${code === 'repository.session_revoked' ? 'revoked' : 'failed'} ${code} ${JSON.stringify(what)}\n`,
    )
  }
  await sleep(Math.random() * 300)
}
