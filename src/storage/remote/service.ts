import type { Readable } from 'node:stream'
import type { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ObjectInfo, Presigned, PresignRequest } from '../contract.ts'
import type { Verdict } from '../retry.ts'
import type { BodyHead } from './receive.ts'

/** What one GET asks for. */
export interface GetQuery {
  readonly name: string
  /** The header `Range`; all of the object without it. */
  readonly range: string | undefined
  /** The object must still have it. */
  readonly etag: string | undefined
}

/** A good answer to a GET. */
export interface GetAnswer extends BodyHead {
  readonly etag: string | undefined
  readonly body: Readable | undefined
}

/** What the answer to a HEAD says; nothing for what is not there, or is none. */
export interface ObjectHead {
  readonly sizeBytes: number | undefined
  readonly modified: Date | undefined
  readonly etag: string | undefined
  /** Of its metadata: the random text of whoever created it. */
  readonly writer: string | undefined
}

/** Which page of a list: where a token says, else after a name, else the first. */
export interface PageQuery {
  /** What the names begin with. */
  readonly prefix: string
  readonly token: string | undefined
  readonly after: string | undefined
}

/** One page: what it holds, in the order it came, and the token of the next one. */
export interface Page {
  readonly objects: readonly { readonly name: string; readonly info: Omit<ObjectInfo, 'key'> }[]
  readonly next: string | undefined
}

/** What became of names that were to be deleted. */
export interface Deletion {
  /** Those that are still there, each with its reason. */
  readonly failed: ReadonlyMap<string, Error>
  /** Whether some of these can be asked for again. */
  readonly isBusy: boolean
}

/** An object that is written whole. */
export interface NewObject {
  readonly name: string
  readonly bytes: Uint8Array
  /** Of the bytes (32 bytes), where it is known. */
  readonly sha256?: Uint8Array | undefined
}

/** ... by someone who is to be known by it later. */
export interface OwnObject extends NewObject {
  readonly writer: string
}

/** An upload in parts that was begun. */
export interface Upload {
  readonly name: string
  readonly id: string
}

/** A part that was sent: what is said of it to complete the upload. */
export interface SentPart {
  readonly number: number
  readonly etag: string
  /** Base64, where the service wants it. */
  readonly sha256?: string
}

/**
 * What a service of buckets (S3, OSS) has of its own: each request, sent once, and what its failures
 * mean. Names are those in the bucket. Requests reject with what the service's library throws, with
 * an OddAnswer for an answer that no such server gives, and when `io` is stopped.
 */
export interface Service<Client> {
  /** For messages: `S3`. */
  readonly title: string
  /** Loads the library, which takes long: asked for once, by the first request. */
  load(): Promise<Client>
  /** The name of a failure, and the status of the answer where one came. */
  readFailure(failure: unknown): { readonly name: string; readonly status: number | undefined }
  /** Whether it may help to try again. */
  judge(failure: unknown): Verdict
  /** What a failure means for the user; a BkpError as it is. */
  explain(failure: unknown, doing: string): BkpError

  /** Has the answer read as soon as it is there: once. */
  get(
    client: Client,
    query: GetQuery,
    io: Io,
    read: (answer: GetAnswer) => Promise<Uint8Array>,
  ): Promise<Uint8Array>
  head(client: Client, name: string, io: Io): Promise<ObjectHead>
  /** Whether a failure of `head` says that there is no such object. */
  isMissing(failure: unknown): boolean
  list(client: Client, query: PageQuery, io: Io): Promise<Page>
  /** Deletes up to 1000 objects. */
  delete(client: Client, names: readonly string[], io: Io): Promise<Deletion>
  /** A failure that is judged `busy`. */
  busy(message: string): Error
  /** Writes or replaces an object. */
  put(client: Client, object: NewObject, io: Io): Promise<void>
  /** Creates an object that is not there; what it finds created by that writer, it has created. */
  create(client: Client, object: OwnObject, io: Io): Promise<'created' | 'exists'>
  /** False once the server is known to have no conditional writes: `create` looks first then. */
  isAtomic(): boolean

  /** Begins an upload in parts; gives its id, if there is one. */
  begin(client: Client, name: string, writer: string, io: Io): Promise<unknown>
  sendPart(
    client: Client,
    upload: Upload,
    number: number,
    bytes: Uint8Array,
    io: Io,
  ): Promise<SentPart>
  complete(client: Client, upload: Upload, parts: readonly SentPart[], io: Io): Promise<void>
  /** Takes back what was sent. */
  abort(client: Client, upload: Upload, io: Io): Promise<void>

  /** The server's clock, as of an answer about names that begin so; nothing where it tells none. */
  time(client: Client, prefix: string, io: Io): Promise<Date | undefined>
  /** Sends nothing. */
  sign(client: Client, name: string, request: PresignRequest): Promise<Presigned>
}
