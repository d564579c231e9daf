import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { systemRandom } from '../../../src/base/clock.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createHdfsStorage, type HdfsTools } from '../../../src/storage/hdfs/hdfs.ts'
import { checkedPlace, type HdfsPlace } from '../../../src/storage/hdfs/place.ts'
import { type TestClock, testClock } from '../s3/test-clock.ts'
import { createFakeTree, type FakeTree } from './fake-tree.ts'

export interface FakeRequest {
  readonly method: string
  readonly url: URL
  readonly op: string
  /** Asked of a datanode: where a namenode has sent the client. */
  readonly isData: boolean
  /** In HDFS, decoded. */
  readonly path: string
  readonly body: Buffer
}

/** What answers in place of the server; nothing lets the server answer by itself. */
export type Trouble = (
  request: FakeRequest,
  reply: {
    readonly response: ServerResponse
    readonly socket: Socket
    /** Does what was asked; its answer is for whoever calls. */
    takeEffect(): FakeAnswer
  },
) => boolean | undefined

export interface FakeAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** A namenode and a datanode in memory, on one port, that misbehave on demand. */
export interface FakeHdfs {
  readonly namenode: string
  readonly tree: FakeTree
  /** `PUT CREATE /p/x`, in order; those of a datanode with `data` in front. */
  readonly log: string[]
  /** Addresses as they were asked, queries too. */
  readonly asked: string[]
  trouble: Trouble | undefined
  readonly clock: TestClock
  place(changed?: Partial<HdfsPlace>): HdfsPlace
  storage(changed?: Partial<HdfsPlace>, tools?: Partial<HdfsTools>): Storage
  stop(): Promise<void>
}

export async function startFakeHdfs(tree: FakeTree = createFakeTree()): Promise<FakeHdfs> {
  const clock = testClock()
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', chunk => chunks.push(chunk))
    incoming.on('end', () => handle(incoming, response, Buffer.concat(chunks)))
  })
  const handle = (incoming: IncomingMessage, response: ServerResponse, body: Buffer): void => {
    const url = new URL(incoming.url ?? '/', fake.namenode)
    const { method = '', socket } = incoming
    const op = url.searchParams.get('op')?.toUpperCase() ?? ''
    const isData = url.searchParams.has('data')
    const path = decodeURIComponent(url.pathname.slice('/webhdfs/v1'.length))
    fake.asked.push(`${url}`)
    fake.log.push(`${isData ? 'data ' : ''}${method} ${op} ${path}`)
    let effect: FakeAnswer | undefined
    const takeEffect = (): FakeAnswer => {
      effect ??= tree.answer({ op, path, url, isData, body })
      return effect
    }
    const request = { method, url, op, isData, path, body }
    if (fake.trouble?.(request, { response, socket, takeEffect }) === true) return
    send(response, takeEffect())
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const namenode = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const place: FakeHdfs['place'] = changed => ({
    ...checkedPlace({ namenodes: [namenode], path: '/p', user: 'bkp' }),
    ...changed,
  })
  const fake: FakeHdfs = {
    namenode,
    tree,
    log: [],
    asked: [],
    trouble: undefined,
    clock,
    place,
    storage: (changed, tools) =>
      createHdfsStorage(place(changed), { clock, random: systemRandom, ...tools }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return fake
}

/** Sends an answer; true, as a trouble says that it did. */
export function send(response: ServerResponse, { status, headers, body }: FakeAnswer): true {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body ?? '') })
  response.end(body)
  return true
}

/** A refusal as HDFS words it. */
export function remoteException(status: number, exception: string, message = ''): FakeAnswer {
  const body = { RemoteException: { exception, javaClassName: `org.x.${exception}`, message } }
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
