import { createHash } from 'node:crypto'
import { type MemoryHost, memoryHost } from '../support.ts'

/** What a worker's host holds in a version: made from nothing else, so that a restore can be judged. */
export function hostIn(worker: number, version: number): MemoryHost {
  const host = memoryHost(`db${worker}`)
  for (let n = 0; n < 12; n += 1) {
    // Some files change with each version, others every few, some are everyone's.
    const age = n % 3 === 0 ? version : n % 3 === 1 ? Math.floor(version / 4) : 0
    const owner = n % 4 === 3 ? 'shared' : `${worker}`
    const size = (n * 37) % 190
    host.set(`f${n}`, content(`${owner} ${n} ${age}`, size), { mtimeNs: BigInt(1000 + age) })
  }
  return host
}

/** What `restoredTree` would give, without the times that a walk makes up. */
export function contents(tree: ReadonlyMap<string, string>): readonly string[] {
  return [...tree].map(([path, what]) => `${path} ${what.split(' ').slice(-2).join(' ')}`).sort()
}

function content(seed: string, sizeBytes: number): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0; at * 32 < sizeBytes; at += 1) {
    parts.push(createHash('sha256').update(`${seed} ${at}`).digest())
  }
  return Uint8Array.from(Buffer.concat(parts).subarray(0, sizeBytes))
}
