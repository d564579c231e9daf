import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import { type WebAnswer, webGet } from '../shared/web-get.ts'

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
  const { status, body } = await get(host, leader, `/replace?${query}`, io)
  if (status === '200' && /successfully/i.test(body)) return
  const { http } = leader
  throw new BkpError(
    'nebula.refused',
    `metad at http://${http.host}:${http.port} did not replace ${pair.from} by ${pair.to}: ${status} ${body.trim().slice(0, 300)}`,
    { hint: 'it must be the leader, and up to 3.0; see ws_http_port in its configuration file' },
  )
}

async function get(host: Host, { http }: Instance, path: string, io: Io): Promise<WebAnswer> {
  try {
    return await webGet(host, http, path, io)
  } catch (cause) {
    io.signal.throwIfAborted()
    const message = `${host.name} cannot reach the HTTP port ${http.host}:${http.port} of its metad`
    const hint = 'see ws_http_port, or name it under instances.metad (http: host:port)'
    throw new BkpError('nebula.unreachable', message, { cause, hint })
  }
}
