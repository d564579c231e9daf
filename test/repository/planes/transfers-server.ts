import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Secret } from '../../../src/base/secret.ts'
import type { Presigned } from '../../../src/storage/contract.ts'

/** What came with one request. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  readonly connection: number
}

/** A storage that says what a test wants, on this machine alone. */
export interface TransferServer {
  readonly seen: readonly Seen[]
  /** A URL of it, with a query that nobody may see. */
  presigned(path: string, more?: Partial<Presigned>): Presigned
  stop(): Promise<void>
}

/** In the query of every URL; of this process alone, so that where it is found, it came from here. */
export const signature = `X-Amz-Signature=f00dcafe%2Fcanary-of-${process.pid}`

/** Answers requests, whose bodies are read before. */
export type Answer = (
  request: Seen,
  response: ServerResponse,
  raw: IncomingMessage,
) => void | Promise<void>

export async function startTransferServer(answer: Answer): Promise<TransferServer> {
  const seen: Seen[] = []
  let connections = 0
  const numbers = new WeakMap<object, number>()
  const server = createServer(async (raw, response) => {
    const pieces: Buffer[] = []
    try {
      for await (const piece of raw) pieces.push(piece as Buffer)
    } catch {
      // The client went away.
      return
    }
    const request: Seen = {
      method: raw.method ?? '',
      path: (raw.url ?? '').split('?')[0] ?? '',
      headers: raw.headers,
      body: Buffer.concat(pieces),
      connection: numbers.get(raw.socket) ?? 0,
    }
    seen.push(request)
    await answer(request, response, raw)
  })
  server.on('connection', socket => {
    connections += 1
    numbers.set(socket, connections)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    seen,
    presigned: (path, more = {}) => ({
      url: new Secret(`http://127.0.0.1:${port}${path}?x=1&${signature}`),
      headers: {},
      ...more,
    }),
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
