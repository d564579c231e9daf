import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Host } from '../../src/connection/contract.ts'
import { waitFor } from '../../src/modules/builtin/wait-for.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { shellHost } from '../connection/support.ts'
import { applyOn, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'

const module = hostModule(anyModule(waitFor))
const here = shellHost()
const servers: Server[] = []
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-wait-'))
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  rmSync(folder, { recursive: true, force: true })
})
afterAll(() => here.close())

async function listen(port = 0, greeting = ''): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    if (greeting !== '') socket.write(greeting)
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  servers.push(server)
  const { port: actual } = server.address() as AddressInfo
  return { port: actual, close: () => new Promise(resolve => server.close(() => resolve())) }
}

/** The host, and what happens before each of its calls of that name. */
function withHook(name: 'dial' | 'ask', before: (call: number) => Promise<void> | void): Host {
  let calls = 0
  const call = async (...args: readonly unknown[]) => {
    // Only looks count: while planning nothing is asked.
    const isLook = name === 'dial' || Object.keys(args[0] as object).length > 0
    if (isLook) await before(++calls)
    return await (here.host[name] as (...given: readonly unknown[]) => unknown)(...args)
  }
  return { ...here.host, [name]: call }
}

const quick = { sleep: 0.01 }

describe('wait_for a port', () => {
  it('ends at once where it answers', async () => {
    const { port } = await listen()
    expect(await applyOn(here.host, module, { port })).toEqual({
      elapsed: 0,
      port,
      state: 'started',
    })
  })

  it('looks again until it answers', async () => {
    const { port, close } = await listen()
    await close()
    const looks: number[] = []
    const host = withHook('dial', async call => {
      looks.push(call)
      if (call === 3) await listen(port)
    })
    await applyOn(host, module, { port, ...quick })
    expect(looks).toEqual([1, 2, 3])
  })

  it('looks again until it no longer answers', async () => {
    const { port, close } = await listen()
    const host = withHook('dial', async call => {
      if (call === 3) await close()
    })
    expect(await applyOn(host, module, { port, state: 'stopped', ...quick })).toMatchObject({
      state: 'stopped',
    })
  })

  it('fails when the time is over, and says what it saw last', async () => {
    const { port, close } = await listen()
    await close()
    await expect(applyOn(here.host, module, { port, timeout: 0, ...quick })).rejects.toMatchObject({
      code: 'step.failed',
      message: expect.stringMatching(`waited 0 s for 127.0.0.1:${port} to answer: .*ECONNREFUSED`),
      details: { result: { elapsed: 0, port, state: 'started' } },
    })
    await expect(
      applyOn(here.host, module, { port, timeout: 0, msg: 'no database' }),
    ).rejects.toMatchObject({ message: 'no database', hint: expect.stringContaining('waited') })
  })

  it('does not take a name that nobody knows for a port that stopped', async () => {
    const waiting = applyOn(here.host, module, {
      host: 'no-such-host.invalid',
      port: 80,
      state: 'stopped',
      timeout: 0,
    })
    await expect(waiting).rejects.toMatchObject({ code: 'step.failed' })
  })

  it('reads what it sends until the pattern matches', async () => {
    const { port } = await listen(0, 'hello\r\n220 ready\r\n')
    await applyOn(here.host, module, { port, search_regex: '^220 ' })
    await expect(
      applyOn(here.host, module, {
        port,
        search_regex: '^221 ',
        timeout: 0,
        connect_timeout: 0.05,
      }),
    ).rejects.toThrow('nothing that came matches')
  })

  it('gives up a connection that nobody takes or refuses', async () => {
    const host: Host = {
      ...here.host,
      dial: (_address, io) =>
        new Promise((_resolve, reject) =>
          io.signal.addEventListener('abort', () => reject(new BkpError('step.cancelled', ''))),
        ),
    }
    const args = { port: 9, timeout: 0, connect_timeout: 0.01 }
    await expect(applyOn(host, module, args)).rejects.toThrow('no answer in time')
    await applyOn(host, module, { ...args, state: 'stopped' })
  })

  it('fails at once where the host forbids connections, and where it is lost', async () => {
    const dialling = (error: BkpError): Host => ({
      ...here.host,
      dial: () => Promise.reject(error),
    })
    const cause = Object.assign(new Error('open failed'), { reason: 1 })
    const forbidden = dialling(new BkpError('command.failed', 'no connection', { cause }))
    for (const state of ['started', 'stopped']) {
      await expect(applyOn(forbidden, module, { port: 9, state })).rejects.toMatchObject({
        hint: expect.stringContaining('AllowTcpForwarding'),
      })
      const lost = dialling(new BkpError('ssh.lost', 'gone'))
      await expect(applyOn(lost, module, { port: 9, state })).rejects.toMatchObject({
        code: 'ssh.lost',
      })
    }
  })

  it('is cancelled at once, between looks and while it looks', async () => {
    const { port } = await listen()
    const between = new AbortController()
    const io = { ...quietIo, signal: between.signal }
    const host = withHook('dial', call => {
      if (call === 1) setImmediate(() => between.abort())
    })
    const input = { args: { port, state: 'stopped', sleep: 1000 }, facts: {}, changes: [] }
    await expect(module.apply?.(host, input as never, io)).rejects.toThrow()

    const during = new AbortController()
    const silent = withHook('dial', () => {
      setImmediate(() => during.abort())
    })
    const reading = { ...input, args: { port, search_regex: 'x', connect_timeout: 1000 } }
    await expect(
      module.apply?.(silent, reading as never, { ...quietIo, signal: during.signal }),
    ).rejects.toMatchObject({ code: 'step.cancelled' })
  })
})

describe('wait_for a path', () => {
  it('looks again until it is there, and until it is gone', async () => {
    const path = join(folder, 'up')
    const appears = withHook('ask', call => {
      if (call === 3) writeFileSync(path, '')
    })
    expect(await applyOn(appears, module, { path, ...quick })).toMatchObject({ path })
    const goes = withHook('ask', call => {
      if (call === 3) rmSync(path)
    })
    await applyOn(goes, module, { path, state: 'absent', ...quick })
  })

  it('reads on in a file that grows, and from the start in one that is replaced', async () => {
    const path = join(folder, 'log')
    writeFileSync(path, 'starting\n')
    const read: (number | undefined)[] = []
    const host: Host = {
      ...withHook('ask', call => {
        if (call === 2) appendFileSync(path, 'rea')
        if (call === 4) appendFileSync(path, 'dy\n')
      }),
      read: (file, io, range) => {
        read.push(range?.offset)
        return here.host.read(file, io, range)
      },
    }
    await applyOn(host, module, { path, search_regex: '^ready$', ...quick })
    expect(read).toEqual([0, 9, 12])

    const replaced = withHook('ask', call => {
      if (call !== 2) return
      rmSync(path)
      writeFileSync(path, 'ok\n')
    })
    await applyOn(replaced, module, { path, search_regex: '^ok$', ...quick })
  })

  it('says that it is no file', async () => {
    const waiting = applyOn(here.host, module, { path: folder, search_regex: 'x', timeout: 0 })
    await expect(waiting).rejects.toThrow('it is no file that could be searched')
  })
})

describe('wait_for', () => {
  it('only waits without port and path', async () => {
    expect(await applyOn(here.host, module, { timeout: 0.01 })).toMatchObject({ elapsed: 0 })
  })

  it('neither looks nor waits while planning', async () => {
    expect(module.inspect({})).toEqual({})
    expect(await planOn(here.host, module, { port: 1, timeout: 1000 })).toMatchObject({
      changesNothing: true,
      result: { port: 1, state: 'started' },
    })
  })
})
