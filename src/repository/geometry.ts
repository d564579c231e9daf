/** The sizes of format 1, in bytes. Tests use smaller ones; a reader depends on none but the limits. */
export interface Geometry {
  /** Where large files are cut, and the most a pack holds. */
  readonly blockBytes: number
  /** Smaller files are packed. */
  readonly packedBelowBytes: number
  /** File entries beyond this go into list blocks. */
  readonly inlineListBytes: number
  /** A list block is not cut before this many bytes ... */
  readonly listMinBytes: number
  /** ... and then after an entry whose key hashes to a multiple of this: chosen by content. */
  readonly listCutEvery: number
}

const mebibyte = 1024 * 1024

export const formatGeometry: Geometry = Object.freeze({
  blockBytes: 8 * mebibyte,
  packedBelowBytes: mebibyte,
  inlineListBytes: 8 * mebibyte,
  listMinBytes: mebibyte,
  listCutEvery: 8192,
})

/** What a reader accepts, whatever a repository says: bounds on what one object makes us hold. */
export const readLimits = Object.freeze({
  /** A data block. */
  blockBytes: 8 * mebibyte,
  /** A list block: larger than a data block only where one file has more than 100 000 blocks. */
  listBlockBytes: 64 * mebibyte,
  manifestBytes: 64 * mebibyte,
  pathBytes: 4096,
  componentBytes: 255,
})
