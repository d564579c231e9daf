import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { createBuffers } from '../../../src/repository/workers/buffers.ts'
import { createWorkers } from '../../../src/repository/workers/pool.ts'
import { quietIo } from '../support.ts'

const work = mkdtempSync(join(tmpdir(), 'bkp-workers-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** A thread that runs the source: tsx makes JavaScript of it. */
const fromSource = join(work, 'from-source.mjs')
const thread = new URL('../../../src/repository/workers/thread.ts', import.meta.url).href
writeFileSync(
  fromSource,
  `import { tsImport } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}
await tsImport(${JSON.stringify(thread)}, import.meta.url)`,
)
const program = pathToFileURL(fromSource)

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const path = (name: string): Uint8Array => Buffer.from(join(work, name))

describe.each([
  ['in threads', 0],
  ['at once', 1e9],
])('%s', (_, inlineBelowBytes) => {
  it('hashes more than there are threads, and gives the same memory back', async () => {
    const workers = createWorkers({ threads: 2, inlineBelowBytes, program })
    const buffers = Array.from({ length: 9 }, (_unused, i) => new Uint8Array(1000).fill(i))
    const wanted = buffers.map(sha256)
    const hashed = await Promise.all(buffers.map(bytes => workers.hash(bytes)))
    expect(hashed.map(({ sha256: sum }) => hex(sum))).toEqual(wanted)
    expect(hashed.map(({ bytes }) => sha256(bytes))).toEqual(wanted)
    await workers.close()
  })

  it('reads ranges and small files, and says of each what became of it', async () => {
    const workers = createWorkers({ threads: 1, inlineBelowBytes, program })
    writeFileSync(join(work, 'a'), 'abcdefgh')
    writeFileSync(join(work, 'b'), 'longer')
    rmSync(join(work, 'link'), { force: true })
    symlinkSync('a', join(work, 'link'))
    const buffer = new Uint8Array(64)
    const range = await workers.readRange(buffer, { path: path('a'), follow: false }, 3, 100)
    expect(Buffer.from(range.bytes).toString()).toBe('defgh')
    expect('sha256' in range && hex(range.sha256)).toBe(sha256(Buffer.from('defgh')))
    const { buffer: filled, files } = await workers.readFiles(new Uint8Array(64), [
      { path: path('a'), follow: false, sizeBytes: 8 },
      { path: path('gone'), follow: false, sizeBytes: 8 },
      { path: path('link'), follow: false, sizeBytes: 8 },
      { path: path('b'), follow: false, sizeBytes: 3 },
    ])
    const said = files.map(file =>
      'error' in file
        ? file.error.split(':')[0]
        : Buffer.from(filled.subarray(file.at, file.at + file.length)).toString(),
    )
    // One byte more than it was said to have tells that the last one grew.
    expect(said).toEqual(['abcdefgh', 'ENOENT', 'ELOOP', 'long'])
    expect(files[0]).toMatchObject({ now: { type: 'file', sizeBytes: 8 } })
    const missing = { path: path('no'), follow: false }
    const read = await workers.readRange(new Uint8Array(8), missing, 0, 8)
    // The buffer comes back: it is one of few.
    expect([read.bytes.length, 'error' in read && read.error]).toEqual([
      8,
      expect.stringContaining('ENOENT'),
    ])
    await workers.close()
  })
})

describe('a pool', () => {
  it('turns the crash of a thread into an error of all that wait and come later', async () => {
    const crashing = join(work, 'crash.mjs')
    writeFileSync(
      crashing,
      `import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => process.exit(3))\n`,
    )
    const workers = createWorkers({
      threads: 1,
      inlineBelowBytes: 0,
      program: pathToFileURL(crashing),
    })
    const jobs = [1, 2, 3, 4].map(fill => workers.hash(new Uint8Array(10).fill(fill)))
    for (const job of jobs) {
      await expect(job).rejects.toMatchObject({
        code: 'internal',
        message: 'a worker thread crashed: it ended with 3',
      })
    }
    await expect(workers.hash(new Uint8Array(1))).rejects.toMatchObject({ code: 'internal' })
    await workers.close()
  })

  it('ends what is under way when it is closed', async () => {
    const silent = join(work, 'silent.mjs')
    writeFileSync(
      silent,
      `import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => {})\n`,
    )
    const workers = createWorkers({
      threads: 1,
      inlineBelowBytes: 0,
      program: pathToFileURL(silent),
    })
    const job = workers.hash(new Uint8Array(10))
    job.catch(() => {})
    await workers.close()
    await expect(job).rejects.toMatchObject({ message: 'the workers were closed' })
  })
})

describe('buffers', () => {
  it('are made up to their number, waited for in order, and used again', async () => {
    const buffers = createBuffers(2, 16)
    const first = await buffers.take(quietIo)
    const second = buffers.takeFree()!
    expect(buffers.takeFree()).toBeUndefined()
    const waiting = [buffers.take(quietIo), buffers.take(quietIo)]
    first[0] = 7
    buffers.give(first.subarray(0, 3))
    const again = await waiting[0]!
    expect([again.length, again[0]]).toEqual([16, 7])
    buffers.give(second)
    expect((await waiting[1])!.length).toBe(16)
  })

  it('are not waited for by who was cancelled', async () => {
    const buffers = createBuffers(1, 16)
    const only = await buffers.take(quietIo)
    const cancel = new AbortController()
    const waiting = buffers.take({ signal: cancel.signal, progress: () => {} })
    cancel.abort(new Error('no more'))
    await expect(waiting).rejects.toThrow('no more')
    buffers.give(only)
    expect(buffers.takeFree()).toBeDefined()
  })
})
