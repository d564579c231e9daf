import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Channel, Transport } from '../../src/connection/channel.ts'
import { currentSurroundings } from '../../src/connection/ssh/surroundings.ts'
import { createSshTransports } from '../../src/connection/ssh.ts'
import { s3Blocks } from '../limit/s3.ts'
import type { Way } from './bkp.ts'
import type { Ground } from './ground.ts'

/** Bytes per second that one process moves, and does nothing else. */
export interface Limits {
  /** Bare `cat`s on connections to all hosts at once. */
  readonly ssh: number
  /** Blocks of random bytes to or from the server, hashed as their signature needs it. */
  readonly s3: number
  /** Both at once, as much of the one as of the other. */
  readonly both: number
}

const mebibyte = 1024 * 1024
const blockBytes = 8 * mebibyte
const blocksAtOnce = 8

/** What the relay plane cannot be faster than. */
export async function measureLimits(ground: Ground, way: Way, totalBytes: number): Promise<Limits> {
  const ssh = await sshRate(ground, way, totalBytes)
  const s3 = await s3Rate(ground, way, totalBytes)
  const rates = await Promise.all([
    sshRate(ground, way, totalBytes),
    s3Rate(ground, way, totalBytes),
  ])
  return { ssh, s3, both: Math.min(...rates) }
}

async function sshRate(ground: Ground, way: Way, totalBytes: number): Promise<number> {
  const surroundings = currentSurroundings()
  const transports = createSshTransports({ surroundings, clock: systemClock })
  const { names, daemons } = ground
  const open = await Promise.all(names.map(name => transports.open(daemons.address(name))))
  try {
    const begin = performance.now()
    const each = totalBytes / names.length
    const work = open.map((transport, index) =>
      way === 'backup'
        ? take(transport, join(ground.source(names[index] ?? ''), ''))
        : give(transport, each),
    )
    const bytes = (await Promise.all(work)).reduce((sum, one) => sum + one, 0)
    return bytes / ((performance.now() - begin) / 1000)
  } finally {
    await Promise.all(open.map(transport => transport.close()))
  }
}

/** Everything of the host's large files. */
async function take(transport: Transport, folder: string): Promise<number> {
  const channel = await transport.open(quietIo)
  let bytes = 0
  channel.stderr.resume()
  channel.stdout.on('data', (piece: Uint8Array) => {
    bytes += piece.length
  })
  const names = readdirSync(folder).filter(name => name.startsWith('large-'))
  channel.stdin.end(`cd ${folder} && exec cat ${names.join(' ')}\n`)
  await once(channel.stdout, 'end')
  channel.close()
  return bytes
}

/** So many bytes to where nothing keeps them. */
async function give(transport: Transport, bytes: number): Promise<number> {
  const channel: Channel = await transport.open(quietIo)
  channel.stderr.resume()
  channel.stdout.resume()
  const ended = once(channel.stdout, 'end')
  channel.stdin.write('exec cat >/dev/null\n')
  const piece = randomFillSync(Buffer.alloc(256 * 1024))
  for (let given = 0; given < bytes; given += piece.length) {
    if (!channel.stdin.write(piece)) await once(channel.stdin, 'drain')
  }
  channel.stdin.end()
  await ended
  channel.close()
  return bytes
}

async function s3Rate({ server }: Ground, way: Way, totalBytes: number): Promise<number> {
  const { hostname, port } = new URL(server.endpoint)
  const blocks = s3Blocks({
    kind: 's3',
    host: hostname,
    port: Number(port),
    bucket: server.bucket,
    accessKey: server.accessKeyId,
    secretKey: server.secretAccessKey,
    region: 'us-east-1',
  })
  const count = Math.ceil(totalBytes / blockBytes)
  const bytes = randomFillSync(Buffer.alloc(blockBytes))
  // The same names again and again: what is read was written before.
  const work = async (from: number): Promise<void> => {
    for (let index = from; index < count; index += blocksAtOnce) {
      if (way === 'backup') await blocks.put(`limit/${from}`, bytes, 0)
      else await blocks.get(`limit/${from}`)
    }
  }
  if (way === 'restore') {
    for (let index = 0; index < blocksAtOnce; index += 1)
      await blocks.put(`limit/${index}`, bytes, 0)
  }
  const begin = performance.now()
  await Promise.all(Array.from({ length: blocksAtOnce }, (_, index) => work(index)))
  return (count * blockBytes) / ((performance.now() - begin) / 1000)
}
