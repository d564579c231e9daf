import type { Duplex } from 'node:stream'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { ServiceAddress } from '../../../databases/nebula/contract.ts'

/** What is read of an answer, in bytes: lines of an admin endpoint. */
const answerLimitBytes = 64 * 1024

/** An answer of a service's HTTP port; empty texts where it is none. */
export interface WebAnswer {
  readonly status: string
  readonly body: string
}

/** Asks the HTTP port of a service (`--ws_http_port`), dialled from its host. @throws what `dial` throws */
export async function webGet(
  host: Pick<Host, 'dial'>,
  http: ServiceAddress,
  path: string,
  io: Io,
): Promise<WebAnswer> {
  const socket = await host.dial(http, io)
  const abort = (): void => void socket.destroy()
  io.signal.addEventListener('abort', abort, { once: true })
  try {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${http.host}:${http.port}\r\nConnection: close\r\n\r\n`,
    )
    const answer = await answerOf(socket)
    const [, status = ''] = /^HTTP\/1\.[01] (\d{3})/.exec(answer) ?? []
    const end = /\r?\n\r?\n/.exec(answer)
    return { status, body: end === null ? '' : answer.slice(end.index + end[0].length) }
  } finally {
    io.signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

/** Until its length is there or it ends: not every server closes when asked to. */
async function answerOf(socket: Duplex): Promise<string> {
  let answer = ''
  for await (const chunk of socket) {
    answer += Buffer.from(chunk as Uint8Array).toString('latin1')
    // Something else has that port, and may wait for us as we would for it.
    if (answer.length >= 5 && !answer.startsWith('HTTP/')) break
    const [head = '', body] = answer.split(/\r?\n\r?\n/, 2)
    const [, length] = /^content-length: *(\d+)/im.exec(head) ?? []
    if (body !== undefined && length !== undefined && body.length >= Number(length)) break
    if (answer.length > answerLimitBytes) break
  }
  return answer
}
