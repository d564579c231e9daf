import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, describe, expect, it } from 'vitest'
import { makeNamespaces, type Namespaces } from '../servers/namespaces.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { type HostsSeen, watchHosts } from '../servers/watch-hosts.ts'
import { dataFolder, type Fleet, startFleet } from './fleet.ts'
import { runHere } from './listing.ts'
import { names, rocksDbSlice } from './rocksdb-slice.ts'
import { s3Store } from './s3-store.ts'

/**
 * The slice on hosts that are network namespaces, into an S3 server on their bridge, to which they send
 * by themselves; and that they never hold its credentials.
 */
export function slicesOnNetworks(
  title: string,
  startServer: (host: string) => Promise<S3Server>,
): void {
  let networks: Namespaces | undefined
  let server: S3Server | undefined
  let fleet: Fleet | undefined
  let stopWatch: (() => Promise<HostsSeen>) | undefined

  rocksDbSlice(`in networks of their own, into ${title}`, async settings => {
    const network = makeNamespaces(names)
    networks = network
    const s3 = await startServer(network.bridgeAddress)
    server = s3
    const started = await startFleet(names, settings, {
      network,
      makeStore: workspace => s3Store(s3, 'databases/graph', workspace),
    })
    fleet = started
    stopWatch = watch(started, s3, network)
    return started
  })
  afterAll(async () => {
    await server?.stop()
    networks?.stop()
  })

  describe(`the credentials of ${title}`, () => {
    it('were never on a host, nor what hosts sent by in any words or variables', async () => {
      const seen = await stopWatch?.()
      const findings = seen?.findings ?? []
      expect(findings.filter(finding => /^(cmdline|environ) of /.test(finding))).toEqual([])
      // They sent their blocks by themselves.
      expect(findings.filter(finding => finding.startsWith('net:')).length).toBe(names.length)
      expect(seen?.samples).toBeGreaterThan(50)
      // At the least each host's daemon, each time.
      expect(seen?.seen).toBeGreaterThan(names.length * 50)
      for (const host of fleet?.hosts ?? []) {
        expect(filesWith(host.run, dataFolder, server)).toBe('')
      }
      expect(filesWith(runHere, fleet?.folder ?? '', server)).toBe('')
    })

    it('would be seen there', async () => {
      if (fleet === undefined || server === undefined || networks === undefined) {
        throw new Error('nothing was started')
      }
      const look = watch(fleet, server, networks)
      const { enter } = networks.host('north')
      const [first = '', ...rest] = [...enter, process.execPath, '-e', visitor]
      const child = spawn(first, [...rest, server.endpoint, server.secretAccessKey], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'] ?? '', LEAK: server.accessKeyId },
      })
      await once(child.stdout, 'data')
      const { findings } = await look()
      await end(child)
      const found = findings.join('\n')
      expect(found).toMatch(/^cmdline of \d+: sk-/m)
      expect(found).toMatch(/^environ of \d+: AK/m)
      expect(found).toMatch(/^net:.* talks to /m)
      expect(found).toMatch(/^the server talks to /m)
    })
  })
}

/** Asks the server for something and stays until its input ends. */
const visitor = `
fetch(process.argv[1]).then(() => console.log('done'))
process.stdin.resume()`

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close')
  child.stdin?.end()
  child.kill()
  await ended
}

function watch(fleet: Fleet, server: S3Server, { bridgeAddress }: Namespaces) {
  return watchHosts({
    pids: fleet.hosts.map(({ sshdPid }) => sshdPid),
    server: { address: bridgeAddress, port: Number(new URL(server.endpoint).port) },
    needles: [server.accessKeyId, server.secretAccessKey, 'X-Amz-Signature'],
  })
}

/** Names of files that hold the secret key. */
function filesWith(run: (script: string) => string, folder: string, server?: S3Server): string {
  return run(`grep -rlF -e '${server?.secretAccessKey}' '${folder}' || true`)
}
