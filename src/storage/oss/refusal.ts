import { elementText } from './xml.ts'

/** What the server says when it refuses. */
export class OssRefusal extends Error {
  override readonly name = 'OssRefusal'
  /** The server's code (`NoSuchKey`), or nothing where the answer is none of OSS. */
  readonly code: string | undefined
  /** Of the answer. Not called `status`: ali-oss would read it as its own. */
  readonly httpStatus: number
  readonly requestId: string | undefined
  /** The finer code that OSS's own documentation is ordered by: `0026-00000201`. */
  readonly ec: string | undefined
  /** Where the bucket is, when the server says so. */
  readonly endpoint: string | undefined

  constructor(httpStatus: number, text: string, requestId: string | undefined) {
    super(elementText(text, 'Message') ?? `status ${httpStatus}`)
    this.httpStatus = httpStatus
    this.code = elementText(text, 'Code')
    this.requestId = requestId ?? elementText(text, 'RequestId')
    this.ec = elementText(text, 'EC')
    this.endpoint = elementText(text, 'Endpoint')
  }
}
