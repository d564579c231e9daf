import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Channel, ChannelEnd, Transport } from '../../src/connection/channel.ts'
import type { Host } from '../../src/connection/contract.ts'
import { endGroups } from '../../src/connection/groups.ts'
import { createLink, type Link } from '../../src/connection/link.ts'
import { localTransport } from '../../src/connection/local.ts'
import { openedOver } from '../../src/connection/opened.ts'
import { output, succeeds } from '../../src/connection/probes.ts'
import type { Session } from '../../src/connection/session.ts'
import { errorOf, sessionOver, temporaryFolder } from './support.ts'

/** A connection to this machine that can break: what ran over it runs on, and nobody hears of it. */
interface Wire {
  readonly transport: Transport
  break(): void
  /** From now on nothing that the host says arrives. */
  silence(): void
  unheardBytes(): number
  /** No channel opens until the function is called that this returns. */
  hang(): () => void
}

function wire(shell: readonly [string, ...string[]], env: Readonly<Record<string, string>>): Wire {
  const base = localTransport({ shell, env })
  let isAlive = true
  let isSilent = false
  let unheard = 0
  let opening = Promise.resolve()
  let cut = () => {}
  const broken = new Promise<void>(resolve => {
    cut = resolve
  })
  const over = (channel: Channel): Channel => {
    const hear = (from: NodeJS.ReadableStream) => {
      const to = new PassThrough()
      from.on('data', (bytes: Buffer) => {
        if (isSilent) unheard += bytes.length
        else to.write(bytes)
      })
      from.on('end', () => to.end())
      void broken.then(() => to.end())
      return to
    }
    const lost = broken.then((): ChannelEnd => ({ code: undefined, lost: true }))
    void broken.then(() => channel.close())
    const streams = { stdout: hear(channel.stdout), stderr: hear(channel.stderr) }
    return { ...channel, ...streams, ended: Promise.race([lost, channel.ended]) }
  }
  const lost = () => new BkpError('ssh.lost', 'the connection broke')
  const transport: Transport = {
    name: 'ssh',
    open: async io => {
      if (!isAlive) throw lost()
      await opening
      return over(await base.open(io))
    },
    dial: base.dial,
    lost,
    isAlive: () => isAlive,
    close: async () => {},
  }
  const end = () => {
    isAlive = false
    cut()
  }
  const silence = () => {
    isSilent = true
  }
  const hang = () => {
    let goOn = () => {}
    opening = new Promise(resolve => {
      goOn = resolve
    })
    return goOn
  }
  return { transport, break: end, silence, unheardBytes: () => unheard, hang }
}

const isThere = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

function endGroupOf(leader: number): void {
  try {
    if (leader > 1) process.kill(-leader, 'SIGKILL')
  } catch {
    // It has ended, as it should.
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 20_000) throw new Error('it never came to that')
    await systemClock.sleep(10)
  }
}

/** What becomes of commands whose connection breaks, with any shell. */
export function lostContract(
  name: string,
  shell: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = { PATH: String(process.env['PATH']) },
): void {
  describe(`commands whose connection broke: ${name}`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    let wires: Wire[]
    let sessions: Session[]
    let opens: () => Promise<void>
    let link: Link
    let host: () => Promise<Host>
    const at = (file: string) => join(folder.path, file)
    const pidIn = (file: string) => Number(readFileSync(at(file), 'utf8'))
    const last = <T>(items: readonly T[]): T => {
      const item = items.at(-1)
      if (item === undefined) throw new Error('nothing there yet')
      return item
    }

    beforeEach(async () => {
      folder = await temporaryFolder()
      wires = []
      sessions = []
      opens = async () => {}
      link = createLink({
        name: 'here',
        clock: systemClock,
        graceMs: 200,
        open: async () => {
          await opens()
          const next = wire(shell, env)
          wires.push(next)
          const opened = openedOver(next.transport, {
            name: 'here',
            random: systemRandom,
            clock: systemClock,
            graceMs: 200,
          })
          sessions.push(opened.as(undefined).session)
          return opened
        },
      })
      host = () => link.host({}, quietIo)
    })
    afterEach(async () => {
      await link.close()
      // A test that failed must leave nothing running.
      for (const file of readdirSync(folder.path)) endGroupOf(pidIn(file))
      await folder.remove()
    })

    /** Leaves its pid in a file and goes on; TERM or not, and with a child. */
    const stubborn = (file: string, trap = ':') =>
      `${trap}; echo $$ >${at(`${file}.new`)}; mv ${at(`${file}.new`)} ${at(file)}; while :; do sleep 0.05; done`
    const running = async (file: string, trap?: string) => {
      const argv = ['sh', '-c', stubborn(file, trap)]
      const run = (await host()).run({ argv }, quietIo)
      const ended = errorOf(run)
      // Where its group is ended over a second connection, the first may still tell its status.
      const over = ended.catch(() => undefined)
      await until(() => existsSync(at(file)))
      return { pid: pidIn(file), ended, over }
    }

    it('are ended before anything else is done there', async () => {
      const { pid, ended } = await running('pid')
      last(wires).break()
      expect((await ended).code).toBe('ssh.lost')
      expect(isThere(pid)).toBe(true)
      const { stdout } = await (await host()).run({ argv: ['echo', 'next'] }, quietIo)
      expect(isThere(pid)).toBe(false)
      expect(Buffer.from(stdout).toString()).toBe('next\n')
      expect(await link.endLost()).toEqual([])
    })

    it('are ended where they ignore SIGTERM', async () => {
      const { pid, ended } = await running('pid', 'trap "" TERM')
      last(wires).break()
      await ended
      await host()
      expect(isThere(pid)).toBe(false)
    })

    it('are ended at the end of the run where nobody came back', async () => {
      const { pid, ended } = await running('pid')
      last(wires).break()
      await ended
      expect(await link.endLost()).toEqual([])
      expect(isThere(pid)).toBe(false)
    })

    it('go on where another connection is wanted, and are ended at the end of the run', async () => {
      const { pid, over } = await running('pid')
      await link.reset()
      const { stdout } = await (await host()).run({ argv: ['echo', 'anew'] }, quietIo)
      expect(Buffer.from(stdout).toString()).toBe('anew\n')
      expect([wires.length, isThere(pid)]).toEqual([2, true])
      await link.endLost()
      expect(isThere(pid)).toBe(false)
      last(wires.slice(0, 1)).break()
      await over
    })

    it('are told of where the host is not reached again', async () => {
      const { pid, ended } = await running('pid')
      last(wires).break()
      await ended
      opens = async () => {
        throw new BkpError('ssh.unreachable', 'gone')
      }
      const [told, ...more] = await link.endLost()
      expect(more).toEqual([])
      expect(told?.code).toBe('ssh.lost')
      expect(told?.message).toContain(`process group ${pid} may still run`)
      opens = async () => {}
      expect(await link.endLost()).toEqual([])
      expect(isThere(pid)).toBe(false)
    })

    it('are left alone where the pid is that of a later process', async () => {
      const { pid, ended } = await running('pid')
      const group = [...last(sessions).groups].find(({ leader }) => leader === pid)
      if (group === undefined) throw new Error('the group is not known')
      last(wires).break()
      await ended
      const session = sessionOver(wire(shell, env).transport)
      const later = {
        ...group,
        start: group.start.replace(/\d/, digit => String(9 - Number(digit))),
      }
      expect(await endGroups(session, [later], { lost: true }, quietIo)).toEqual([])
      expect(isThere(pid)).toBe(true)
      const unproven = { ...group, start: '' }
      expect(await endGroups(session, [unproven], { lost: true }, quietIo)).toEqual([pid])
      expect(isThere(pid)).toBe(true)
      expect(await endGroups(session, [group], { lost: true }, quietIo)).toEqual([])
      expect(isThere(pid)).toBe(false)
    })

    it('are ended where the connection broke before it told which process it is', async () => {
      const here = await host()
      await here.run({ argv: ['true'] }, quietIo)
      last(wires).silence()
      const ended = errorOf(here.run({ argv: ['sh', '-c', stubborn('pid')] }, quietIo))
      await until(() => existsSync(at('pid')))
      last(wires).break()
      await ended
      await host()
      expect(isThere(pidIn('pid'))).toBe(false)
    })

    it('do not begin on a channel of their own before it is known which process it is', async () => {
      const here = await host()
      await here.run({ argv: ['true'] }, quietIo)
      last(wires).silence()
      const stream = here.stream({ argv: ['touch', at('begun')] }, quietIo)
      const ended = errorOf(stream.exit)
      await until(() => last(wires).unheardBytes() > 0)
      last(wires).break()
      await ended
      await host()
      expect(existsSync(at('begun'))).toBe(false)
    })

    it('leaves streams, writes and daemons as they should be', async () => {
      const here = await host()
      const daemon = `setsid sh -c '${stubborn('daemon')}' </dev/null >/dev/null 2>&1 &`
      await here.run({ argv: ['sh', '-c', daemon] }, quietIo)
      await until(() => existsSync(at('daemon')))
      const stream = here.stream({ argv: ['sh', '-c', stubborn('stream')] }, quietIo)
      const streamed = errorOf(stream.exit)
      const asked = errorOf(
        here.ask({ slow: output('sh', '-c', stubborn('probe')), b: succeeds('true') }, quietIo),
      )
      await until(() => existsSync(at('stream')) && existsSync(at('probe')))
      last(wires).break()
      expect([(await streamed).code, (await asked).code]).toEqual(['ssh.lost', 'ssh.lost'])
      await host()
      expect(['stream', 'probe', 'daemon'].map(file => isThere(pidIn(file)))).toEqual([
        false,
        false,
        true,
      ])
    })

    it('are ended before anything else where the connection hung and comes back', async () => {
      const stop = new AbortController()
      const io = { ...quietIo, signal: stop.signal }
      const argv = ['sh', '-c', stubborn('pid', 'trap "" TERM')]
      const ended = errorOf((await host()).run({ argv }, io))
      await until(() => existsSync(at('pid')))
      const goOn = last(wires).hang()
      stop.abort()
      await until(() => last(sessions).endings.size > 0)
      const next = (await host()).run({ argv: ['true'] }, quietIo)
      goOn()
      await next
      expect(isThere(pidIn('pid'))).toBe(false)
      expect((await ended).code).toBe('step.cancelled')
    })

    it('leaves nothing to end where everything has ended', async () => {
      const here = await host()
      await here.run({ argv: ['true'] }, quietIo)
      await here.run({ argv: ['cat'], stdin: Buffer.from('x') }, quietIo)
      await here.ask({ a: succeeds('true') }, quietIo)
      await here.write(at('file'), one('text'), { mode: '0600' }, quietIo)
      await until(() => last(sessions).groups.size === 0)
    })

    it('says no at once, and is asked again by the next', async () => {
      await (await host()).run({ argv: ['true'] }, quietIo)
      last(wires).break()
      opens = async () => {
        throw new BkpError('ssh.unreachable', 'its sshd is being restarted')
      }
      expect((await errorOf(host())).code).toBe('ssh.unreachable')
      opens = async () => {}
      await (await host()).run({ argv: ['true'] }, quietIo)
    })
  })
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
