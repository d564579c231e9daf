import OSS from 'ali-oss'
import type { Answer, Exchange, Transport } from './transport.ts'

/** What every operation takes: its types leave out more than half of it. */
interface Options {
  readonly ctx: Exchange
  readonly headers?: Readonly<Record<string, string>>
  readonly meta?: Readonly<Record<string, string>>
  readonly mime?: string
  readonly subres?: Readonly<Record<string, string>>
}

interface ListedObject {
  readonly name: unknown
  readonly size: number
  readonly etag: unknown
  readonly lastModified: unknown
}

/** The operations of ali-oss that are used here, as they are. */
export interface OssClient {
  put(name: string, content: Buffer, options: Options): Promise<{ readonly res: Answer }>
  get(name: string, options: Options): Promise<{ readonly content: Uint8Array }>
  head(name: string, options: Options): Promise<{ readonly res: Answer }>
  listV2(
    query: Readonly<Record<string, string>>,
    options: Options,
  ): Promise<{
    readonly res: Answer
    readonly objects: readonly ListedObject[]
    readonly nextContinuationToken: string | null
  }>
  deleteMulti(names: readonly string[], options: Options): Promise<{ readonly res: Answer }>
  initMultipartUpload(name: string, options: Options): Promise<{ readonly uploadId: unknown }>
  completeMultipartUpload(
    name: string,
    uploadId: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
    options: Options,
  ): Promise<{ readonly etag: unknown }>
  abortMultipartUpload(name: string, uploadId: string, options: Options): Promise<unknown>
  getBucketVersioning(
    bucket: string,
    options: Options,
  ): Promise<{ readonly res: Answer; readonly versionStatus: string | undefined }>
  signatureUrlV4(
    method: string,
    expires: number,
    request: { readonly headers: Readonly<Record<string, string>> },
    name: string,
  ): Promise<string>
  signatureUrl(name: string, options: Readonly<Record<string, unknown>>): string
}

export interface OssClientOptions {
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly stsToken?: string
  readonly bucket: string
  readonly region: string
  readonly internal: boolean
  readonly endpoint?: string
  readonly cname: boolean
  /** Path style. */
  readonly sldEnable: boolean
  readonly authorizationV4: boolean
}

/** ali-oss for naming, signing and XML; its requests go through the transport. */
export function createOssClient(options: OssClientOptions, transport: Transport): OssClient {
  const all = {
    ...options,
    // Without it, plain HTTP is the rule.
    secure: true,
    urllib: transport,
    // Only our own retrier tries again.
    retryMax: 0,
    // Said, so that it does not write on the console that it recommends it.
    refreshSTSTokenInterval: 1,
  }
  return new OSS(all) as unknown as OssClient
}
