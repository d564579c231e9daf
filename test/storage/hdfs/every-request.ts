import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { key } from '../../../src/storage/key.ts'
import { everything } from '../every-request.ts'
import { type FakeHdfs, remoteException, send, startFakeHdfs, type Trouble } from './fake-hdfs.ts'

const block = key(`data/${'a'.repeat(64)}`)

export const troubles: Readonly<Record<string, Trouble>> = {
  'a reset before it takes effect': (_request, { socket }) => {
    socket.destroy()
    return true
  },
  'a reset after it took effect': (_request, { socket, takeEffect }) => {
    takeEffect()
    socket.destroy()
    return true
  },
  'half an answer': (_request, { response, takeEffect }) => {
    const { status, headers, body = '' } = takeEffect()
    const whole = Buffer.from(body)
    // Of an answer that is empty, only the end can be missing.
    response.writeHead(status, { ...headers, 'content-length': Math.max(whole.length, 1) })
    response.write(whole.subarray(0, Math.floor(whole.length / 2)))
    response.socket?.end()
    return true
  },
  'half a refusal': (_request, { response, takeEffect }) => {
    takeEffect()
    response.writeHead(500, { 'content-length': 100 })
    response.write('{"Remote')
    response.socket?.end()
    return true
  },
  StandbyException: (_request, { response }) =>
    send(response, remoteException(403, 'StandbyException')),
  SafeModeException: (_request, { response }) =>
    send(response, remoteException(403, 'SafeModeException')),
  'an internal error after it took effect': (_request, { response, takeEffect }) => {
    takeEffect()
    return send(response, { status: 500, body: '<html>sorry</html>' })
  },
  'a bad gateway': (_request, { response }) => send(response, { status: 502, body: '' }),
}

/** Lets everything go wrong at each request in turn, so many times in a row. */
export function everyRequest(cases: readonly (readonly [string, 1 | 2])[]): void {
  let server: FakeHdfs
  beforeEach(async () => {
    server = await startFakeHdfs()
  })
  afterEach(() => server.stop())

  describe('every operation of an HDFS storage', () => {
    for (const [what, repeat] of cases) {
      it(`survives ${what}, ${repeat} in a row, at whichever request`, async () => {
        const trouble = troubles[what]
        if (trouble === undefined) throw new Error(`there is no ${what}`)
        for (let nth = 1; ; nth += 1) {
          server.tree.nodes.clear()
          let count = 0
          let hasHit = false
          server.trouble = (request, tools) => {
            count += 1
            if (count < nth || count >= nth + repeat) return undefined
            hasHit = true
            return trouble(request, tools)
          }
          await everything(server.storage(), [block])
          // What was begun in vain is taken back.
          expect([...server.tree.files()].sort(), `${what} at request ${nth}`).toEqual([
            'a',
            'big',
            `data/aa/${'a'.repeat(64)}`,
            'register',
          ])
          if (!hasHit) break
        }
      })
    }
  })
}
