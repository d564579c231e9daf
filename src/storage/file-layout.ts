import type { Key } from './contract.ts'
import { keyOrNothing } from './key.ts'

/** Blocks are fanned out by the first two digits of their id, so that no folder holds them all. */
const blockKey = /^data\/([0-9a-f]{2})[0-9a-f]{62}(?:\.[0-9]+)?$/
export const fanFolder = /^[0-9a-f]{2}$/

/** Where a key lies below the storage's folder. */
export function pathOfKey(key: Key): string {
  const [, fan] = blockKey.exec(key) ?? []
  return fan === undefined ? key : `data/${fan}/${key.slice('data/'.length)}`
}

/** Where a repository copied from elsewhere may have a block: not fanned out. Nothing for other keys. */
export function flatPathOfKey(key: Key): string | undefined {
  return blockKey.test(key) ? key : undefined
}

/** The key of a file found in a fan-out folder of `data/`. */
export function keyInFan(fan: string, name: string): Key | undefined {
  const block = `data/${name}`
  return keyOrNothing(name.startsWith(fan) && blockKey.test(block) ? block : `data/${fan}/${name}`)
}
