import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Worker } from 'node:worker_threads'
import { folderBlocks } from './folder.ts'
import type { Answer, Blocks, Job, LimitFile, Piece, Place } from './jobs.ts'
import { s3Blocks } from './s3.ts'

/**
 * The limit: a program that only reads, hashes, packs, writes and syncs, with two workers. It keeps no
 * promise that a backup needs beyond that: no parent, no journal, no check of what changed meanwhile.
 */
interface Request {
  readonly verb: 'first' | 'unchanged' | 'restore'
  readonly source: string
  readonly target: string
  readonly place: Place
  /** All fsyncs to make, so that they are as many as in what is compared. */
  readonly fsyncs: number
}

const workers = 2
const blockBytes = 8 * 1024 * 1024
const packedBelow = 1024 * 1024
/** Jobs that a worker has before it has answered: it never waits for the next one. */
const ahead = 3

const request = JSON.parse(process.argv[2] ?? '') as Request
const { place } = request
const store: Blocks = place.kind === 'folder' ? folderBlocks(place.path) : s3Blocks(place)

function listFiles(
  folder: string,
): readonly { readonly path: string; readonly size: number; readonly mtimeMs: number }[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return listFiles(path)
    const { size, mtimeMs } = statSync(path)
    return [{ path, size, mtimeMs }]
  })
}

async function runJobs(jobs: readonly Job[]): Promise<readonly string[]> {
  const ids: string[] = []
  let next = 0
  const started = Array.from({ length: workers }, () => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: place })
    const done = new Promise<void>((resolve, reject) => {
      let open = 0
      const give = (): void => {
        for (; open < ahead && next < jobs.length; open += 1, next += 1) {
          worker.postMessage({ job: jobs[next], number: next })
        }
        if (open === 0) resolve()
      }
      worker.on('error', reject)
      worker.on('message', ({ job, id }: Answer) => {
        ids[job] = id
        open -= 1
        give()
      })
      give()
    })
    return { worker, done }
  })
  await Promise.all(started.map(({ done }) => done))
  await Promise.all(started.map(({ worker }) => worker.terminate()))
  return ids
}

async function backUp(): Promise<void> {
  const files = listFiles(request.source)
  const blocks: { readonly pieces: Piece[]; bytes: number }[] = []
  let pack: { readonly pieces: Piece[]; bytes: number } | undefined
  for (const { path, size } of files) {
    if (size < packedBelow) {
      if (pack === undefined || pack.bytes + size > blockBytes) {
        pack = { pieces: [], bytes: 0 }
        blocks.push(pack)
      }
      pack.pieces.push({ path, offset: 0, length: size, at: pack.bytes })
      pack.bytes += size
      continue
    }
    for (let offset = 0; offset < size; offset += blockBytes) {
      const length = Math.min(blockBytes, size - offset)
      blocks.push({ pieces: [{ path, offset, length, at: 0 }], bytes: length })
    }
  }
  // One for each block and one for the manifest; the others are shared out.
  const more = Math.max(0, request.fsyncs - blocks.length - 1)
  const ids = await runJobs(
    blocks.map(({ pieces, bytes }, index) => ({
      kind: 'store',
      pieces,
      bytes,
      syncs:
        Math.floor(((index + 1) * more) / blocks.length) -
        Math.floor((index * more) / blocks.length),
    })),
  )
  const parts = new Map<string, { id: string; at: number; length: number }[]>()
  for (const [index, { pieces }] of blocks.entries()) {
    for (const { path, at, length } of pieces) {
      const own = parts.get(path) ?? []
      own.push({ id: ids[index] ?? '', at, length })
      parts.set(path, own)
    }
  }
  const listed = files.map(
    ({ path, size, mtimeMs }): LimitFile => ({
      path: relative(request.source, path),
      size,
      mtimeMs,
      parts: parts.get(path) ?? [],
    }),
  )
  await store.put('manifest', Buffer.from(JSON.stringify(listed)), 0)
}

async function readManifest(): Promise<readonly LimitFile[]> {
  return JSON.parse(Buffer.from(await store.get('manifest')).toString()) as LimitFile[]
}

async function backUpAgain(): Promise<void> {
  const known = new Map((await readManifest()).map(file => [file.path, file]))
  const files = listFiles(request.source).map(({ path, size, mtimeMs }) => {
    const same = known.get(relative(request.source, path))
    if (same?.size !== size || same.mtimeMs !== mtimeMs) throw new Error(`${path} changed`)
    return same
  })
  await store.put('manifest-2', Buffer.from(JSON.stringify(files)), Math.max(0, request.fsyncs - 1))
}

async function restore(): Promise<void> {
  const files = await readManifest()
  const blocks = new Map<string, Piece[]>()
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    mkdirSync(join(request.target, folder), { recursive: true })
  }
  for (const { path, parts } of files) {
    let offset = 0
    for (const { id, at, length } of parts) {
      const pieces = blocks.get(id) ?? []
      pieces.push({ path: join(request.target, path), offset, length, at })
      blocks.set(id, pieces)
      offset += length
    }
  }
  await runJobs([...blocks].map(([id, pieces]) => ({ kind: 'fetch', id, pieces })))
  for (const { path, mtimeMs } of files) {
    utimesSync(join(request.target, path), mtimeMs / 1000, mtimeMs / 1000)
  }
  execFileSync('sync', ['-f', request.target])
  const scratch = folderBlocks(join(request.target, '..', 'limit-syncs'))
  if (request.fsyncs > 0) await scratch.put('manifest', Buffer.from('x'), request.fsyncs - 1)
}

const verbs = { first: backUp, unchanged: backUpAgain, restore }
await verbs[request.verb]()
