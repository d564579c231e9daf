import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Transport } from '../../src/connection/channel.ts'
import { openedOver } from '../../src/connection/opened.ts'
import { currentSurroundings } from '../../src/connection/ssh/surroundings.ts'
import { createSshTransports } from '../../src/connection/ssh.ts'
import { startSshd } from '../../test/servers/sshd.ts'
import { circumstances, median, table } from '../measure.ts'

/**
 * How fast one host's file comes to the controller, beside a bare `cat` on a channel of the same
 * connection: `npx tsx bench/relay/main.ts [--mebibytes=1024] [--rounds=3]`
 */
const { values: flags } = parseArgs({
  options: {
    mebibytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
  },
})
const mebibytes = Number(flags.mebibytes)
const mebibyte = 1024 * 1024

/** The limit: what ssh2 gives, counted. */
async function bareCat(transport: Transport, path: string): Promise<number> {
  const channel = await transport.open(quietIo)
  let bytes = 0
  channel.stderr.resume()
  channel.stdout.on('data', (piece: Uint8Array) => {
    bytes += piece.length
  })
  channel.stdin.end(`exec cat ${path}\n`)
  await once(channel.stdout, 'end')
  channel.close()
  return bytes
}

async function counted(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const piece of pieces) bytes += piece.length
  return bytes
}

async function timed(work: () => Promise<number>): Promise<number> {
  const begin = performance.now()
  const bytes = await work()
  if (bytes !== mebibytes * mebibyte) throw new Error(`${bytes} bytes came`)
  return performance.now() - begin
}

const folder = mkdtempSync(join(tmpdir(), 'bkp-relay-'))
const hosts = await startSshd({ names: ['db1'] })
try {
  const path = join(folder, 'file')
  const file = openSync(path, 'w')
  const piece = Buffer.alloc(mebibyte)
  for (let index = 0; index < mebibytes; index += 1) writeSync(file, piece.fill(index % 251))
  closeSync(file)
  const surroundings = currentSurroundings()
  const transport = await createSshTransports({ surroundings, clock: systemClock }).open(
    hosts.address('db1'),
  )
  const tools = { name: 'db1', random: systemRandom, clock: systemClock, graceMs: 5000 }
  const opened = openedOver(transport, tools)
  const { host } = opened.as(undefined).connected
  const spent = { bare: [] as number[], read: [] as number[] }
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    spent.bare.push(await timed(() => bareCat(transport, path)))
    spent.read.push(await timed(() => counted(host.read(path, quietIo))))
  }
  const rate = (times: readonly number[]): string =>
    `${((mebibytes * 1000) / median(times)).toFixed(0)} MiB/s`
  const ratio = (median(spent.read) / median(spent.bare)).toFixed(2)
  process.stdout.write(
    `relay, ${mebibytes} MiB, ${circumstances()}, medians of ${flags.rounds}\n\n${table([
      ['', 'rate', 'time / bare'],
      ['bare cat', rate(spent.bare), '1.00'],
      ['host.read', rate(spent.read), ratio],
    ])}\n`,
  )
  await transport.close()
} finally {
  await hosts.stop()
  rmSync(folder, { recursive: true, force: true })
}
