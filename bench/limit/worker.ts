import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { folderBlocks } from './folder.ts'
import type { Answer, Blocks, Job, Piece, Place } from './jobs.ts'
import { s3Blocks } from './s3.ts'

const place = workerData as Place
const blocks: Blocks = place.kind === 'folder' ? folderBlocks(place.path) : s3Blocks(place)

function readPieces(pieces: readonly Piece[], bytes: number): Buffer {
  const block = Buffer.allocUnsafe(bytes)
  for (const { path, offset, length, at } of pieces) {
    const file = openSync(path, 'r')
    for (let done = 0; done < length; ) {
      const got = readSync(file, block, at + done, length - done, offset + done)
      if (got === 0) throw new Error(`${path} shrank`)
      done += got
    }
    closeSync(file)
  }
  return block
}

function writePieces(pieces: readonly Piece[], block: Uint8Array): void {
  for (const { path, offset, length, at } of pieces) {
    // Blocks of one file arrive in any order: whoever comes first makes it.
    const opened = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644)
    for (let done = 0; done < length; ) {
      done += writeSync(opened, block, at + done, length - done, offset + done)
    }
    closeSync(opened)
  }
}

async function work(job: Job): Promise<string> {
  if (job.kind === 'store') {
    const block = readPieces(job.pieces, job.bytes)
    const id = createHash('sha256').update(block).digest('hex')
    await blocks.put(id, block, job.syncs)
    return id
  }
  const block = await blocks.get(job.id)
  if (createHash('sha256').update(block).digest('hex') !== job.id) throw new Error('corrupt')
  writePieces(job.pieces, block)
  return job.id
}

parentPort?.on('message', ({ job, number }: { readonly job: Job; readonly number: number }) => {
  work(job).then(
    id => parentPort?.postMessage({ job: number, id } satisfies Answer),
    error => {
      throw error
    },
  )
})
