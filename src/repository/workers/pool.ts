import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { BkpError } from '../../base/errors.ts'
import type { Workers } from './contract.ts'
import { type Job, type JobResults, runJob } from './jobs.ts'
import type { Delivery, Order } from './thread.ts'

export interface WorkersOptions {
  /** Threads at most; one for each core by default, 8 at most. Started when they are needed. */
  readonly threads?: number
  /** The thread's program; for tests. */
  readonly program?: URL
  /** Jobs on fewer bytes are done at once: handing them over would cost more. */
  readonly inlineBelowBytes?: number
}

const mostThreads = 8
/** Jobs that a thread has before it has answered: it never waits for the next one. */
const jobsAhead = 2
/** Files read at once in the caller's thread, at most. */
const mostInlineFiles = 16

interface Task {
  readonly job: Job
  resolve(result: ReturnType<typeof runJob>): void
  reject(error: unknown): void
}

interface Thread {
  readonly worker: Worker
  readonly tasks: Map<number, Task>
}

/** Threads that hash and read. Close it, or the process does not end. */
export function createWorkers(options: WorkersOptions = {}): Workers {
  const { inlineBelowBytes = 256 * 1024, program = programBeside(import.meta.url) } = options
  const size = options.threads ?? Math.min(availableParallelism(), mostThreads)
  // Run from source (tests do), there is no program that a thread could load.
  const alwaysInline = program.pathname.endsWith('.ts')
  const threads: Thread[] = []
  const waiting: Task[] = []
  let failure: BkpError | undefined
  let numbers = 0

  const fail = (error: BkpError): void => {
    failure ??= error
    const open = [...waiting.splice(0), ...threads.flatMap(({ tasks }) => [...tasks.values()])]
    for (const { tasks } of threads) tasks.clear()
    for (const task of open) task.reject(failure)
  }

  const start = (): Thread => {
    const worker = new Worker(program)
    const tasks = new Map<number, Task>()
    const thread: Thread = { worker, tasks }
    worker.on('message', (delivery: Delivery) => {
      const task = tasks.get(delivery.number)
      tasks.delete(delivery.number)
      task?.resolve(delivery.result)
      const next = waiting.shift()
      if (next !== undefined) send(thread, next)
    })
    worker.on('error', cause => fail(crashed(cause.message, cause)))
    worker.on('exit', code => fail(crashed(`it ended with ${code}`)))
    threads.push(thread)
    return thread
  }

  const send = ({ worker, tasks }: Thread, task: Task): void => {
    numbers += 1
    const order: Order = { number: numbers, job: task.job }
    const { job } = task
    const { buffer } = 'bytes' in job ? job.bytes : job.buffer
    try {
      worker.postMessage(order, buffer instanceof ArrayBuffer ? [buffer] : [])
    } catch (cause) {
      task.reject(new BkpError('internal', 'a job cannot be handed to a worker', { cause }))
      return
    }
    tasks.set(order.number, task)
  }

  const dispatch = (task: Task): void => {
    const idle = threads.find(({ tasks }) => tasks.size === 0)
    if (idle !== undefined) send(idle, task)
    else if (threads.length < size) send(start(), task)
    else {
      const [least] = threads.toSorted((a, b) => a.tasks.size - b.tasks.size)
      if (least === undefined || least.tasks.size >= jobsAhead) waiting.push(task)
      else send(least, task)
    }
  }

  const run = async <K extends Job['kind']>(
    job: Job & { readonly kind: K },
  ): Promise<JobResults[K]> => {
    if (failure !== undefined) throw failure
    const result =
      alwaysInline || isSmall(job, inlineBelowBytes)
        ? runJob(job)
        : await new Promise<ReturnType<typeof runJob>>((resolve, reject) => {
            dispatch({ job, resolve, reject })
          })
    return result as JobResults[K]
  }

  return Object.freeze({
    hash: bytes => run({ kind: 'hash', bytes }),
    readRange: (buffer, file, offset, lengthBytes) =>
      run({ kind: 'range', buffer, file, offset, lengthBytes }),
    readFiles: (buffer, files) => run({ kind: 'files', buffer, files }),
    writePieces: (bytes, pieces) => run({ kind: 'write', bytes, pieces }),
    close: async () => {
      fail(new BkpError('internal', 'the workers were closed'))
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  } satisfies Workers)
}

/** The built program beside the built pool, or the source beside the source. */
function programBeside(url: string): URL {
  return new URL(url.endsWith('.ts') ? './thread.ts' : './thread.js', url)
}

function isSmall(job: Job, inlineBelowBytes: number): boolean {
  switch (job.kind) {
    case 'hash':
      return job.bytes.length < inlineBelowBytes
    case 'write':
      return job.pieces.reduce((sum, { length }) => sum + length, 0) < inlineBelowBytes
    case 'range':
      return job.lengthBytes < inlineBelowBytes
    default:
      return (
        job.files.length <= mostInlineFiles &&
        job.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < inlineBelowBytes
      )
  }
}

function crashed(why: string, cause?: unknown): BkpError {
  return new BkpError('internal', `a worker thread crashed: ${why}`, {
    cause,
    hint: 'run again; if it comes back, see whether the machine is short of memory',
  })
}
