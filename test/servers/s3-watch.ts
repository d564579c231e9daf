import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { S3Server } from './s3-server.ts'

/** An address in front of an S3 server that tells what was asked of it. */
export interface S3Watch {
  readonly endpoint: string
  /** Requests so far, as `GET /bucket/key`, without what follows a question mark. */
  readonly asked: string[]
  /** Asked of each request: true leaves it without an answer, for whoever kills the one that waits. */
  stalls: ((line: string) => boolean) | undefined
  stop(): Promise<void>
}

/** Passes everything on as it is: the signatures hold for the address that was asked. */
export async function watchS3(server: Pick<S3Server, 'endpoint'>): Promise<S3Watch> {
  const asked: string[] = []
  const own = {
    endpoint: '',
    asked,
    stalls: undefined as S3Watch['stalls'],
    stop: async () => {
      watch.closeAllConnections()
      await new Promise(resolve => watch.close(resolve))
    },
  } satisfies S3Watch
  const { hostname, port } = new URL(server.endpoint)
  const watch: Server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming
    const line = `${method} ${decodeURIComponent(url.replace(/\?.*/, ''))}`
    asked.push(line)
    if (own.stalls?.(line) === true) return
    const outgoing = request({ hostname, port, method, path: url, headers }, passed => {
      answer.writeHead(passed.statusCode ?? 500, passed.rawHeaders)
      passed.pipe(answer)
    })
    // Whoever asked was killed, or the server was: the other side hears of it.
    outgoing.on('error', () => answer.destroy())
    incoming.on('error', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>(resolve => watch.listen(0, hostname, resolve))
  own.endpoint = `http://${hostname}:${(watch.address() as AddressInfo).port}`
  return own
}
