import { type Duplex, duplexPair } from 'node:stream'
import type { Clock } from '../../../src/base/clock.ts'
import { BkpError } from '../../../src/base/errors.ts'
import type { ClusterAccess } from '../../../src/databases/contract.ts'
import { requireAddress } from '../../../src/databases/nebula/addresses.ts'
import {
  addressText,
  type Generation,
  type ServiceAddress,
} from '../../../src/databases/nebula/contract.ts'
import { leaderChanged } from '../../../src/databases/nebula/generations/codes.ts'
import {
  type MetaMethod,
  readMethods,
  writeMethods,
} from '../../../src/databases/nebula/generations/methods.ts'
import type { Instance } from '../../../src/databases/nebula/instances.ts'
import type { FindInstances } from '../../../src/databases/nebula/meta/metads.ts'
import type { NebulaSettings } from '../../../src/databases/nebula/settings.ts'
import { frame, frameReader } from '../../../src/databases/nebula/thrift/frames.ts'
import {
  ApplicationException,
  decodeMessage,
  encodeMessage,
} from '../../../src/databases/nebula/thrift/messages.ts'
import { autoClock } from './auto-clock.ts'

/** What a metad does with a call. */
export type FakeAnswer =
  /** The response struct. */
  | { readonly reply: object }
  | { readonly exception: string; readonly type?: number }
  /** Bytes in place of a frame. */
  | { readonly raw: Uint8Array }
  /** Closes the connection; never answers. */
  | 'close'
  | 'silent'
  /** Another answer, that much later. */
  | { readonly afterMs: number; readonly answer: FakeAnswer }

export interface FakeCall {
  readonly metad: string
  readonly name: string
  readonly req: unknown
}

export interface FakeMetad {
  readonly address: ServiceAddress
  isUp: boolean
  /** Answers to one method, one call after the other; the last stays. */
  answer(name: string, ...answers: readonly FakeAnswer[]): void
}

export interface FakeMetads {
  readonly clock: Clock
  readonly access: ClusterAccess
  readonly findInstances: FindInstances
  /** In the order in which they came. */
  readonly calls: readonly FakeCall[]
  /** `host:port`, as they were dialled. */
  readonly dialled: readonly string[]
  /** Connections that nobody has closed. */
  openConnections(): number
  metad(address: string): FakeMetad
  /** Who leads: the others redirect to it; undefined is an election, with an empty leader. */
  lead(address: string | undefined): void
  /** How many calls of a method came, at whichever metad. */
  count(name: string): number
}

type AnyMethod = MetaMethod<unknown, object>

/** Metads on the codec of bkp itself, in memory: for what they say and when, not for how it is spelt. */
export function fakeMetads(options: {
  readonly generation: Generation
  /** As their HostItem says; absent: empty there. */
  readonly version?: string
  readonly metads?: readonly string[]
  readonly settings?: NebulaSettings
}): FakeMetads {
  const { generation, version, metads: names = ['meta1:9559'], settings = {} } = options
  const clock = autoClock()
  const calls: FakeCall[] = []
  const dialled: string[] = []
  const open = new Set<Duplex>()
  const metads = new Map<string, FakeMetad & { next(name: string): FakeAnswer | undefined }>()
  let leading: string | undefined = names[0]

  for (const name of names) {
    const answers = new Map<string, FakeAnswer[]>()
    metads.set(name, {
      address: requireAddress(name),
      isUp: true,
      answer: (method, ...given) => {
        answers.set(method, [...given])
      },
      next: method => {
        const queue = answers.get(method)
        return queue !== undefined && queue.length > 1 ? queue.shift() : queue?.[0]
      },
    })
  }

  function usual(at: string, { name }: AnyMethod): FakeAnswer {
    if (name === 'verifyClientVersion') return verified(generation)
    if (name === 'getMetaDirInfo') {
      return generation === '2.0'
        ? { exception: `Method name ${name} not found`, type: 1 }
        : { reply: { code: 0, dir: { root: '/usr/local/nebula', data: ['/data/meta'] } } }
    }
    if (at !== leading) {
      const leader = leading === undefined ? { host: '', port: 0 } : requireAddress(leading)
      return { reply: { code: leaderChanged(generation), leader } }
    }
    if (name !== 'listHosts') return { reply: { code: 0 } }
    const hosts = names.map(each => ({
      hostAddr: requireAddress(each),
      status: 0,
      role: 1,
      gitInfoSha: 'deadbeef',
      ...(version === undefined ? {} : { version }),
    }))
    return { reply: { code: 0, hosts } }
  }

  async function serve(stream: Duplex, at: string): Promise<void> {
    const frames = frameReader()
    stream.on('data', (chunk: Uint8Array) => {
      for (const message of frames.push(chunk)) void handle(stream, at, message)
    })
    stream.on('error', () => {})
    stream.on('end', () => stream.destroy())
  }

  async function handle(stream: Duplex, at: string, message: Uint8Array): Promise<void> {
    const { header, body } = decodeMessage(message)
    const method = methodsOf(generation).get(header.name)
    if (method === undefined) throw new Error(`no method ${header.name}`)
    calls.push({ metad: at, name: header.name, req: body(method.args).req })
    await give(stream, header, method, metads.get(at)?.next(header.name) ?? usual(at, method))
  }

  async function give(
    stream: Duplex,
    header: { readonly name: string; readonly sequence: number },
    method: AnyMethod,
    answer: FakeAnswer,
  ): Promise<void> {
    if (answer === 'silent') return
    if (answer === 'close') {
      stream.destroy()
      return
    }
    if ('afterMs' in answer) {
      await clock.sleep(answer.afterMs)
      await give(stream, header, method, answer.answer)
      return
    }
    if (stream.destroyed) return
    if ('raw' in answer) stream.write(answer.raw)
    else if ('exception' in answer) {
      const { exception, type = 6 } = answer
      const said = { ...header, name: 'process', type: 'exception' } as const
      stream.write(frame(encodeMessage(said, ApplicationException, { message: exception, type })))
    } else {
      const said = { ...header, type: 'reply' } as const
      stream.write(frame(encodeMessage(said, method.result, { success: answer.reply })))
    }
  }

  const access: ClusterAccess = Object.freeze({
    name: 'graph',
    roles: { metad: names.map(name => requireAddress(name).host) },
    settings: settings as Readonly<Record<string, unknown>>,
    clock,
    host: () => {
      throw new Error('no host is asked for anything here')
    },
    dial: async (_host: string, address: ServiceAddress) => {
      const at = addressText(address)
      dialled.push(at)
      const metad = metads.get(at)
      if (metad?.isUp !== true) throw new BkpError('command.failed', `no connection to ${at}`)
      const [ours, theirs] = duplexPair()
      open.add(ours)
      ours.on('close', () => {
        open.delete(ours)
        theirs.destroy()
      })
      theirs.on('close', () => ours.destroy())
      await serve(theirs, at)
      return ours
    },
  })

  return {
    clock,
    access,
    calls,
    dialled,
    findInstances: async () => names.map(instanceOf),
    openConnections: () => [...open].filter(({ destroyed }) => !destroyed).length,
    metad: address => {
      const metad = metads.get(address)
      if (metad === undefined) throw new Error(`no metad ${address}`)
      return metad
    },
    lead: address => {
      leading = address
    },
    count: name => calls.filter(call => call.name === name).length,
  }
}

function verified(generation: Generation): FakeAnswer {
  if (generation === '2.0' || generation === '2.1') {
    return { exception: 'Method name verifyClientVersion not found', type: 1 }
  }
  return { reply: { code: 0 } }
}

/** By their names on the wire, in the form of a generation. */
export function methodsOf(generation: Generation): ReadonlyMap<string, AnyMethod> {
  const isOld = generation === '2.0' || generation === '2.1'
  const { createBackup, createSnapshot, ...writing } = writeMethods
  const methods = [
    readMethods.listHosts,
    readMethods.listSpaces,
    readMethods.listSnapshots,
    readMethods.getMetaDirInfo,
    readMethods.verifyClientVersion,
    isOld ? readMethods.getSpaceUntil26 : readMethods.getSpace,
    isOld ? readMethods.listClusterUntil26 : readMethods.listCluster,
    createBackup[generation],
    createSnapshot,
    ...(isOld ? [] : [writing.addHosts]),
    generation === '3.3' ? writing.dropSnapshot : writing.dropSnapshotUntil32,
    generation === '3.3' ? writing.restoreMeta : writing.restoreMetaUntil32,
  ]
  return new Map(methods.map(method => [method.name, method as AnyMethod]))
}

/** The metad of that address, as a configuration file would tell of it. */
export function instanceOf(name: string): Instance {
  const address = requireAddress(name)
  return {
    role: 'metad',
    hostName: address.host,
    address,
    dial: address,
    installDir: '/usr/local/nebula',
    conf: '/usr/local/nebula/etc/nebula-metad.conf',
    dataDirs: ['/data/meta'],
    serviceDataDirs: ['/data/meta'],
    pidFile: '/usr/local/nebula/pids/nebula-metad.pid',
    logDir: '/usr/local/nebula/logs',
    stderrLog: 'metad-stderr.log',
    http: { host: address.host, port: 19_559 },
  }
}
