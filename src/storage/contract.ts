import type { Io } from '../base/io.ts'
import type { Secret } from '../base/secret.ts'

/** Name of an object below the storage's prefix: `/`-separated, no empty, `.` or `..` components. */
export type Key = string & { readonly __key: true }

export interface ObjectInfo {
  readonly key: Key
  readonly sizeBytes: number
  readonly etag?: string
  readonly modified: Date
}

/** An object whose name is no key: it can be told of, and neither read nor written. */
export interface ForeignObject {
  /** Below the storage's prefix; empty for the prefix itself. */
  readonly name: string
  readonly sizeBytes: number
}

/** What planning gets. Linearizable per key; a key is listed as soon as it was written. */
export interface ReadOnlyStorage {
  /** Scheme, place and prefix, without credentials: fit to be printed. */
  readonly url: string
  readonly capabilities: {
    readonly atomicCreate: boolean
    readonly presign: boolean
    readonly overwrite: boolean
  }
  /** The storage's own clock, where it has one. */
  now?(io: Io): Promise<Date>
  /** Scheme, host and port that its presigned URLs begin with: what hosts must reach to use them. */
  presignedOrigin?(): Promise<string>
  /**
   * The object, or a range of it. A backend may put the bytes into the beginning of `buffer` and give
   * that part of it, where they fit; it need not. @throws storage.not_found, storage.unreachable,
   * storage.failed
   */
  get(
    key: Key,
    io: Io,
    range?: { readonly offset: number; readonly lengthBytes: number },
    buffer?: Uint8Array,
  ): Promise<Uint8Array>
  /** Objects whose key begins with the prefix, in byte order of keys, after the key `after`. */
  list(prefix: string, io: Io, after?: Key): AsyncIterable<ObjectInfo>
  /**
   * As `list`, and tells of what that leaves out because its name is no key, in any order. Absent: a
   * backend that cannot tell.
   */
  listAll?(
    prefix: string,
    io: Io,
    foreign: (object: ForeignObject) => void,
  ): AsyncIterable<ObjectInfo>
  /** What a listing says of one object; nothing where there is none. Absent: ask `list`. */
  head?(key: Key, io: Io): Promise<ObjectInfo | undefined>
  /**
   * As `get`, of an object that still has this etag. Absent: a backend without etags.
   * @throws storage.changed where it has another one
   */
  getUnchanged?(
    key: Key,
    etag: string,
    io: Io,
    range?: { readonly offset: number; readonly lengthBytes: number },
    buffer?: Uint8Array,
  ): Promise<Uint8Array>
}

export interface Storage extends ReadOnlyStorage {
  /** Writes or replaces; durable when it resolves. `sha256` (32 bytes) is checked where a server can. */
  put(key: Key, bytes: Uint8Array, io: Io, sha256?: Uint8Array): Promise<void>
  /** Creates unless the key exists. Never shows part of an object; exactly one of many racers wins. */
  putIfAbsent(key: Key, bytes: Uint8Array, io: Io): Promise<'created' | 'exists'>
  /** Writes an object of known size without holding it. @throws storage.failed on another size */
  putStream(key: Key, source: AsyncIterable<Uint8Array>, sizeBytes: number, io: Io): Promise<void>
  /** Deletes; an absent key is no error. Resolves to the keys that could not be deleted, and why. */
  delete(
    keys: readonly Key[],
    io: Io,
  ): Promise<readonly { readonly key: Key; readonly error: Error }[]>
  presign?(request: PresignRequest): Promise<Presigned>
}

/** What a URL is to allow, for a while, to whoever holds it. */
export interface PresignRequest {
  readonly method: 'PUT' | 'GET'
  readonly key: Key
  /** Of the bytes to be put (32 bytes): a server that can check it refuses others. */
  readonly sha256?: Uint8Array
  /** Of the same bytes (16 bytes): OSS checks that and no other sum. */
  readonly md5?: Uint8Array
  /** The put fails where there is such an object. */
  readonly ifAbsent?: boolean
  readonly expiresInSeconds: number
}

export interface Presigned {
  readonly url: Secret
  /** To be sent with the request as they are: they are part of what was signed. */
  readonly headers: Readonly<Record<string, string>>
  /** The answer is another address, to which the request is sent again: WebHDFS names a DataNode so. */
  readonly followsRedirect?: boolean
}
