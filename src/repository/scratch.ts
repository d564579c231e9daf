import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BkpError } from '../base/errors.ts'

/** Records kept out of memory: appended one at a time, read in order, any number of times. */
export interface Spool {
  append(record: Uint8Array): Promise<void>
  /** The records appended so far; later ones are not among them. */
  records(): AsyncIterable<Buffer>
}

/** Room on this machine for what does not fit into memory: file lists of millions of entries. */
export interface Scratch {
  spool(): Spool
  close(): Promise<void>
}

/** Bytes a spool holds in memory before it writes them out. */
const segmentBytes = 256 * 1024
const lengthBytes = 4

interface Segment {
  readonly position: number
  readonly length: number
}

/**
 * Scratch room in one file, made only when something must be written out and without a name from
 * then on: whatever ends the process, nothing is left. Close it when done.
 */
export function createScratch(folder: string = tmpdir()): Scratch {
  let file: Promise<FileHandle> | undefined
  let end = 0
  const write = async (bytes: Uint8Array): Promise<Segment> => {
    file ??= openNameless(folder)
    const position = end
    end += bytes.length
    const { bytesWritten } = await (await file).write(bytes, 0, bytes.length, position)
    if (bytesWritten !== bytes.length) throw noRoom(folder)
    return { position, length: bytes.length }
  }
  const read = async ({ position, length }: Segment): Promise<Buffer> => {
    const bytes = Buffer.alloc(length)
    await (await file)?.read(bytes, 0, length, position)
    return bytes
  }
  return Object.freeze({
    spool: () => createSpool(write, read),
    close: async () => {
      await (await file)?.close()
    },
  })
}

function noRoom(folder: string): BkpError {
  return new BkpError('storage.no_space', `the temporary folder ${folder} is full`, {
    hint: 'free space there, or set TMPDIR to a larger folder',
  })
}

async function openNameless(folder: string): Promise<FileHandle> {
  const directory = await mkdtemp(join(folder, 'bkp-scratch-'))
  try {
    return await open(join(directory, 'scratch'), 'wx+', 0o600)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function createSpool(
  write: (bytes: Uint8Array) => Promise<Segment>,
  read: (segment: Segment) => Promise<Buffer>,
): Spool {
  const segments: Segment[] = []
  let tail: Buffer[] = []
  let tailBytes = 0
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(tail)
    tail = []
    tailBytes = 0
    segments.push(await write(bytes))
  }
  return Object.freeze({
    append: async record => {
      const framed = Buffer.alloc(lengthBytes + record.length)
      framed.writeUInt32LE(record.length)
      framed.set(record, lengthBytes)
      tail.push(framed)
      tailBytes += framed.length
      if (tailBytes >= segmentBytes) await flush()
    },
    records: async function* () {
      const rest = Buffer.concat(tail)
      for (const segment of [...segments]) yield* split(await read(segment))
      yield* split(rest)
    },
  } satisfies Spool)
}

function* split(segment: Buffer): Iterable<Buffer> {
  for (let at = 0; at < segment.length; ) {
    const length = segment.readUInt32LE(at)
    yield segment.subarray(at + lengthBytes, at + lengthBytes + length)
    at += lengthBytes + length
  }
}
