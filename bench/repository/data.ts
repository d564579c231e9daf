import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mebibyte = 1024 * 1024

/** What is backed up: files of random bytes, a few large and many small. */
export interface DataShape {
  readonly large: { readonly count: number; readonly bytes: number }
  readonly small: { readonly count: number; readonly bytes: number }
}

/** 48 files of 16 MiB and 3,000 of 32 KiB. */
export const dataShape: DataShape = {
  large: { count: 48, bytes: 16 * mebibyte },
  small: { count: 3000, bytes: 32 * 1024 },
}

const filesPerFolder = 100

/** Random bytes that are the same in every run: the key stream of a cipher. */
function randomStream(seed: string): (bytes: number) => Buffer {
  const key = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return bytes => cipher.update(Buffer.alloc(bytes))
}

/** Writes the data; the bytes depend on nothing but the seed. */
export function writeData(folder: string, { large, small }: DataShape, seed = 'bkp'): void {
  const random = randomStream(seed)
  mkdirSync(join(folder, 'large'), { recursive: true })
  for (let index = 0; index < large.count; index += 1) {
    writeFileSync(join(folder, 'large', `${name(index)}.bin`), random(large.bytes))
  }
  for (let index = 0; index < small.count; index += 1) {
    const below = join(folder, 'small', name(Math.floor(index / filesPerFolder)))
    if (index % filesPerFolder === 0) mkdirSync(below, { recursive: true })
    writeFileSync(join(below, `${name(index)}.bin`), random(small.bytes))
  }
}

function name(index: number): string {
  return String(index).padStart(5, '0')
}

/** One hash over names and contents of everything below a folder; reads it into the page cache, too. */
export function digestTree(folder: string): string {
  const hash = createHash('sha256')
  const visit = (path: string, shown: string): void => {
    const entries = readdirSync(path, { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const below = join(path, entry.name)
      if (entry.isDirectory()) visit(below, `${shown}/${entry.name}`)
      else hash.update(`${shown}/${entry.name}\0`).update(readFileSync(below))
    }
  }
  visit(folder, '')
  return hash.digest('hex')
}
