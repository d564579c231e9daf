import type { Duplex } from 'node:stream'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'

/** An answer of an admin endpoint is a line, in bytes. */
const answerLimitBytes = 64 * 1024

/**
 * Tells the leading metad to replace a host by another in its tables: `GET /replace?from=&to=`, up to
 * 3.0; it goes through raft, knows no ports, and leaves zones as they are (specs/nebula.md §2.2).
 * @throws nebula.refused with its words, nebula.unreachable
 */
export async function replaceByHttp(
  host: Host,
  leader: Instance,
  pair: { readonly from: string; readonly to: string },
  io: Io,
): Promise<void> {
  const query = `from=${encodeURIComponent(pair.from)}&to=${encodeURIComponent(pair.to)}`
  const answer = await get(host, leader, `/replace?${query}`, io)
  const [, status = ''] = /^HTTP\/1\.[01] (\d{3})/.exec(answer) ?? []
  const [, body = ''] = answer.split(/\r?\n\r?\n/, 2)
  if (status === '200' && /successfully/i.test(body)) return
  const { http } = leader
  throw new BkpError(
    'nebula.refused',
    `metad at http://${http.host}:${http.port} did not replace ${pair.from} by ${pair.to}: ${status} ${body.trim().slice(0, 300)}`,
    { hint: 'it must be the leader, and up to 3.0; see ws_http_port in its configuration file' },
  )
}

async function get(host: Host, { http }: Instance, path: string, io: Io): Promise<string> {
  let socket: Duplex
  try {
    socket = await host.dial(http, io)
  } catch (cause) {
    io.signal.throwIfAborted()
    const message = `${host.name} cannot reach the HTTP port ${http.host}:${http.port} of its metad`
    const hint = 'see ws_http_port, or name it under instances.metad (http: host:port)'
    throw new BkpError('nebula.unreachable', message, { cause, hint })
  }
  const abort = (): void => void socket.destroy()
  io.signal.addEventListener('abort', abort, { once: true })
  try {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${http.host}:${http.port}\r\nConnection: close\r\n\r\n`,
    )
    return await answerOf(socket)
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
    const [head = '', body] = answer.split(/\r?\n\r?\n/, 2)
    const [, length] = /^content-length: *(\d+)/im.exec(head) ?? []
    if (body !== undefined && length !== undefined && body.length >= Number(length)) break
    if (answer.length > answerLimitBytes) break
  }
  return answer
}
