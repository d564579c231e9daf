import { Readable } from 'node:stream'
import { escapeControls } from '../../base/text.ts'

/** An answer that no server of the kind gives: it is told as such, not tried again. */
export class OddAnswer extends Error {
  override readonly name = 'OddAnswer'
}

/** A list of 1000 keys of 1024 bytes, each byte written as %XX, and what stands around them. */
const answerLimitBytes = 8 * 1024 * 1024
/** Errors are a few hundred bytes. */
const errorLimitBytes = 64 * 1024

/** An error's text; nothing of one that is too long or strange: its status says enough. */
export async function errorBody(body: unknown): Promise<Uint8Array> {
  const bytes = await readBounded(body, errorLimitBytes)
  return bytes === undefined || hasDocumentType(bytes) ? new Uint8Array() : bytes
}

/** An answer's text, fit for a parser. @throws OddAnswer for a huge one, or one with a document type */
export async function answerBody(body: unknown): Promise<Uint8Array> {
  const bytes = await readBounded(body, answerLimitBytes)
  if (bytes === undefined) {
    throw new OddAnswer(`the answer is longer than ${answerLimitBytes} bytes`)
  }
  if (hasDocumentType(bytes)) throw new OddAnswer('the answer declares a document type')
  return bytes
}

/** Text of a server, to be shown: one line, not too long. */
export function plainText(text: string): string {
  return escapeControls(text.slice(0, 300), { newlines: false })
}

/** Up to so many bytes of a body; nothing when there are more, and the rest is not read. */
async function readBounded(body: unknown, limitBytes: number): Promise<Uint8Array | undefined> {
  if (!(body instanceof Readable)) return new Uint8Array()
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of body) {
    sizeBytes += (part as Uint8Array).length
    if (sizeBytes > limitBytes) return undefined
    parts.push(part as Uint8Array)
  }
  return Buffer.concat(parts)
}

function hasDocumentType(bytes: Uint8Array): boolean {
  return /<!(DOCTYPE|ENTITY)/i.test(Buffer.from(bytes).toString('latin1'))
}
