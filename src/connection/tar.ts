/** Tar archives with names as bytes: libraries decode them as UTF-8 and lose some. */
export { decodeTar } from './tar/decode.ts'
export { encodeTar } from './tar/encode.ts'
export type { TarEntry } from './tar/entry.ts'
