import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Blocks } from './jobs.ts'

/** Blocks as files, by calls that block: nothing is faster, and a worker has nothing else to do. */
export function folderBlocks(folder: string): Blocks {
  let count = 0
  return {
    put: async (name, bytes, syncs) => {
      const target = join(folder, name.slice(0, 2), name)
      mkdirSync(dirname(target), { recursive: true })
      const temporary = `${target}.${threadId}-${count}`
      count += 1
      const file = openSync(temporary, 'wx', 0o600)
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
      fsyncSync(file)
      closeSync(file)
      renameSync(temporary, target)
      for (let sync = 0; sync < syncs; sync += 1) {
        const parent = openSync(sync === 0 ? dirname(target) : folder, 'r')
        fsyncSync(parent)
        closeSync(parent)
      }
    },
    get: async name => readFileSync(join(folder, name.slice(0, 2), name)),
  }
}
