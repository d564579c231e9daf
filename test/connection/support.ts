import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import type { Transport } from '../../src/connection/channel.ts'
import type { HostAddress } from '../../src/connection/contract.ts'
import { type ConnectedHost, connectHost } from '../../src/connection/host.ts'
import { type LocalOptions, localTransport } from '../../src/connection/local.ts'
import { createSession, type Session } from '../../src/connection/session.ts'
import { createSlots } from '../../src/connection/slots.ts'

/** The controller itself under a name. */
export function localAddress(name: string): HostAddress {
  return {
    name,
    transport: 'local',
    hostname: 'localhost',
    port: 22,
    strictHostKeyChecking: 'yes',
    knownHostsFiles: [],
    connectTimeoutMs: 1000,
  }
}

/** This machine as a host that is only reached through its shell, as over ssh. */
export function shellHost(options: LocalOptions = {}): ConnectedHost {
  const { read: _, ...transport } = localTransport(options)
  return connectHost(sessionOver(transport))
}

/** A session over any transport. */
export function sessionOver(transport: Transport, channels = 8): Session {
  return createSession({
    host: 'here',
    transport,
    slots: createSlots(channels),
    random: systemRandom,
    clock: systemClock,
    graceMs: 200,
  })
}

/** A new folder, and what removes it. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'bkp-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const chunk of chunks) pieces.push(Buffer.from(chunk))
  return Buffer.concat(pieces)
}

export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** The error that a promise ends with. */
export async function errorOf(promise: Promise<unknown>): Promise<BkpError> {
  try {
    await promise
  } catch (thrown) {
    if (thrown instanceof BkpError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}
