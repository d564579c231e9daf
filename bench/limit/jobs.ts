/** A range of a file, and where it lies in its block. Bytes. */
export interface Piece {
  readonly path: string
  readonly offset: number
  readonly length: number
  readonly at: number
}

/** What a worker is told: put these ranges into one block, or a block into these ranges. */
export type Job =
  | {
      readonly kind: 'store'
      readonly pieces: readonly Piece[]
      readonly bytes: number
      /** fsyncs beside the block's own, so that there are as many as in what is compared. */
      readonly syncs: number
    }
  | { readonly kind: 'fetch'; readonly id: string; readonly pieces: readonly Piece[] }

/** Where blocks are: a folder, or a bucket of an S3 server. */
export type Place =
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 's3'
      readonly host: string
      readonly port: number
      readonly bucket: string
      readonly accessKey: string
      readonly secretKey: string
      readonly region: string
    }

/** One answer for each job, in any order. */
export interface Answer {
  readonly job: number
  readonly id: string
}

/** A file of a backup. */
export interface LimitFile {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  readonly parts: readonly { readonly id: string; readonly at: number; readonly length: number }[]
}

/** Keeps and gives objects; durable when `put` is done. */
export interface Blocks {
  put(name: string, bytes: Uint8Array, syncs: number): Promise<void>
  get(name: string): Promise<Uint8Array>
}
