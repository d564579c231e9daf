import { parentPort } from 'node:worker_threads'
import { type Job, runJob } from './jobs.ts'

/** What the pool sends, and what comes back under the same number. */
export interface Order {
  readonly number: number
  readonly job: Job
}
export interface Delivery {
  readonly number: number
  readonly result: ReturnType<typeof runJob>
}

// What a job throws is a fault of ours, and ends the thread.
parentPort?.on('message', ({ number, job }: Order) => {
  const result = runJob(job)
  const { buffer } = 'bytes' in result ? result.bytes : result.buffer
  const moved = buffer instanceof ArrayBuffer ? [buffer] : []
  parentPort?.postMessage({ number, result } satisfies Delivery, moved)
})
