import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeNamespaces, type Namespaces } from '../../test/servers/namespaces.ts'
import type { S3Server } from '../../test/servers/s3-server.ts'
import { type SshdHosts, startSshd } from '../../test/servers/sshd.ts'
import { startVersitygw } from '../../test/servers/versitygw.ts'

/** Hosts on wires of a known rate, and an S3 server that they reach. */
export interface Ground {
  readonly names: readonly string[]
  readonly work: string
  readonly daemons: SshdHosts
  readonly server: S3Server
  /** What is backed up of a host. */
  source(name: string): string
  /** Where it is restored to. */
  target(name: string): string
  stop(): Promise<void>
}

const mebibyte = 1024 * 1024
const largeBytes = 32 * mebibyte
const smallBytes = 32 * 1024
/** Of the bytes, one in so many is in small files. */
const smallShare = 8

/** Random bytes, of which no two blocks are the same: seven eighths in large files, the rest in small. */
function writeData(folder: string, mebibytes: number): void {
  mkdirSync(join(folder, 'small'), { recursive: true })
  const buffer = Buffer.alloc(largeBytes)
  const small = (mebibytes * mebibyte) / smallShare
  const large = mebibytes * mebibyte - small
  for (let index = 0; index < large / largeBytes; index += 1) {
    writeFileSync(join(folder, `large-${index}`), randomFillSync(buffer))
  }
  for (let index = 0; index < small / smallBytes; index += 1) {
    const part = buffer.subarray(0, smallBytes)
    writeFileSync(join(folder, 'small', `file-${index}`), randomFillSync(part))
  }
}

/** Holds a host's wire to a rate, both ways. */
function limitWire(network: Namespaces, name: string, index: number, mbit: number): void {
  const rate = ['root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '256kb', 'latency', '50ms']
  const [enter = '', ...words] = network.host(name).enter
  execFileSync(enter, [...words, 'tc', 'qdisc', 'add', 'dev', 'eth0', ...rate])
  // The end of the wire on the bridge: `makeNamespaces` numbers them.
  execFileSync('tc', ['qdisc', 'add', 'dev', `bkpv${index}`, ...rate])
}

/** Needs root, and room in memory for four times the data of all hosts. */
export async function makeGround(
  work: string,
  hosts: number,
  { mebibytes, mbit }: { readonly mebibytes: number; readonly mbit: number },
): Promise<Ground> {
  const names = Array.from({ length: hosts }, (_, index) => `h${index + 1}`)
  const folder = (name: string): string => join(work, name)
  for (const name of names) writeData(join(folder(name), 'source'), mebibytes)
  const network = makeNamespaces(names)
  for (const [index, name] of names.entries()) limitWire(network, name, index, mbit)
  // Keys, and the server's objects: a disk would be slower than the wires.
  process.env['TMPDIR'] = work
  const server = await startVersitygw(network.bridgeAddress)
  const daemons = await startSshd({ names, network })
  return {
    names,
    work,
    daemons,
    server,
    source: name => join(folder(name), 'source'),
    target: name => join(folder(name), 'restored'),
    stop: async () => {
      await daemons.stop()
      await server.stop()
      network.stop()
      for (const name of names) rmSync(folder(name), { recursive: true, force: true })
    },
  }
}
