import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { quietIo } from '../../../src/base/io.ts'
import { Secret } from '../../../src/base/secret.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { findPlane } from '../../../src/repository/planes/choose.ts'
import { runTransfers } from '../../../src/repository/planes/direct/transfers.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createS3Storage } from '../../../src/storage/s3/s3.ts'
import { makeOddTree } from '../../repository/restore/tree.ts'
import { makeNamespaces, type Namespaces } from '../../servers/namespaces.ts'
import type { S3Server } from '../../servers/s3-server.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../../servers/sshd.ts'
import { addSudoUsers, sudoUsers } from '../../servers/sudo.ts'
import { startVersitygw } from '../../servers/versitygw.ts'
import { watchHosts } from '../../servers/watch-hosts.ts'
import { type DirectScene, makeDirectScene, sumsBelow } from './direct-scene.ts'

const names = ['north', 'east'] as const
const mebibyte = 1024 * 1024
const dataDir = `/bkp-direct-${process.pid}`
let networks: Namespaces
let server: S3Server
let daemons: SshdHosts
let scenes: DirectScene[] = []
let prefixes = 0

beforeAll(async () => {
  networks = makeNamespaces(names)
  server = await startVersitygw(networks.bridgeAddress)
  daemons = await startSshd({ names, dataDir, network: networks, config: ['LogLevel QUIET'] })
  addSudoUsers(daemons, 'north')
})
afterEach(async () => {
  for (const scene of scenes) {
    expect(scene.windows()).toEqual([])
    await scene.close()
  }
  scenes = []
})
afterAll(async () => {
  await daemons?.stop()
  await server?.stop()
  networks?.stop()
})

/** A repository of its own in the server's bucket. */
function newStorage(): Storage {
  prefixes += 1
  return createS3Storage(server.place(`direct-${prefixes}`))
}

function sceneOn(
  hosts: readonly string[],
  storage: Storage,
  more: {
    readonly asHost?: (host: Host) => Host
    readonly user?: string
    readonly become?: string
  } = {},
): DirectScene {
  const { asHost, user = 'root', become } = more
  const scene = makeDirectScene(storage, {
    names: hosts,
    addresses: { get: name => ({ ...daemons.address(name), user }) },
    ...(asHost === undefined ? {} : { asHost }),
    ...(become === undefined ? {} : { manner: { become: { user: become } } }),
  })
  scenes.push(scene)
  return scene
}

describe('hosts that reach the storage', () => {
  it('send by themselves, each what it has, and never hold more than URLs on stdin', async () => {
    const storage = newStorage()
    const scene = sceneOn(names, storage)
    const look = watchHosts({
      pids: daemons.hosts.map(({ pid }) => pid),
      server: { address: networks.bridgeAddress, port: Number(new URL(server.endpoint).port) },
      needles: [server.accessKeyId, server.secretAccessKey, 'X-Amz-Signature', 'X-Amz-Credential'],
    })
    const expected: Record<string, string> = {}
    for (const host of names) {
      const printed = daemons.runOn(
        host,
        `mkdir -p ${dataDir}/db && cd ${dataDir}/db
        head -c ${8 * mebibyte * 4 + 33} /dev/urandom >${host}-large
        for i in $(seq 120); do head -c "$i" /dev/urandom >${host}-$i; done; : >${host}-empty
        sha256sum *`,
      )
      for (const line of printed.trim().split('\n')) {
        const [sum = '', name = ''] = line.split(/ [ *]/)
        expected[name] = sum
      }
    }
    const planes = await Promise.all(
      scene.hosts.map(host => findPlane('auto', host, storage, quietIo)),
    )
    expect(planes).toMatchObject(names.map(() => ({ plane: 'direct' })))
    const full = await scene.backUp(`${dataDir}/db`, 'auto')
    expect(full).toMatchObject({ warnings: [], files: 2 * 122 })
    expect(await scene.contents()).toEqual(expected)

    daemons.runOn(
      'east',
      `cd ${dataDir}/db && printf x | dd of=east-large bs=1 conv=notrunc seek=9000000 2>/dev/null; touch east-7`,
    )
    const second = await scene.backUp(`${dataDir}/db`, 'auto')
    expect(second.warnings).toEqual([])
    expect(second.new_bytes).toBeGreaterThan(8 * mebibyte)
    expect(second.new_bytes).toBeLessThan(9 * mebibyte)

    const seen = await look()
    expect(seen.samples).toBeGreaterThan(5)
    const held = seen.findings.filter(finding => / of \d+: /.test(finding))
    expect(held).toEqual([])
    // Both of them talked to the server.
    expect(seen.findings.filter(finding => finding.startsWith('net:')).length).toBe(2)
  })

  it('do so with an odd tree, as another user, too', async () => {
    const storage = newStorage()
    const scene = sceneOn(['north'], storage, { user: sudoUsers.free, become: 'root' })
    const data = join(scene.folder, 'data')
    mkdirSync(data)
    makeOddTree(data)
    writeFileSync(join(data, 'of blocks'), randomBytes(8 * mebibyte * 2 + 1))
    const { warnings } = await scene.backUp(data, 'direct')
    expect(warnings).toEqual([])
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('send through a pipe where there is no room for copies', async () => {
    const storage = newStorage()
    const scene = sceneOn(['north'], storage, {
      asHost: host => ({
        ...host,
        ask: async (probes, io) => {
          const answers: Record<string, unknown> = { ...(await host.ask(probes, io)) }
          for (const name of ['shm', 'tmp', 'varTmp']) {
            answers[name] = { ...(answers[name] as object), availableBytes: 0 }
          }
          return answers as never
        },
      }),
    })
    const data = join(scene.folder, 'data')
    mkdirSync(data)
    writeFileSync(join(data, 'large'), randomBytes(8 * mebibyte * 2 + 1))
    expect((await scene.backUp(data, 'direct')).warnings).toEqual([])
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('cannot send other bytes than those that were hashed', async () => {
    const storage = newStorage()
    const [host] = sceneOn(['north'], storage).hosts
    if (host === undefined) throw new Error('no host')
    daemons.runOn('north', `printf 'other bytes' >${dataDir}/other`)
    const sha256 = createHash('sha256').update('these bytes').digest()
    const name = key(`data/${sha256.toString('hex')}`)
    const presigned = await storage.presign?.({
      method: 'PUT',
      key: name,
      sha256,
      expiresInSeconds: 60,
    })
    if (presigned === undefined) throw new Error('no URL')
    const transfer = {
      method: 'PUT',
      presigned,
      path: Buffer.from(`${dataDir}/other`),
      sizeBytes: 11,
    } as const
    const [outcome] = await runTransfers(
      host,
      [transfer],
      { parallel: 1, stallSeconds: 5 },
      quietIo,
    )
    expect(outcome).toMatchObject({ status: 400, curlExit: 22 })
    expect(await storage.head?.(name, quietIo)).toBeUndefined()
  })
})

describe('when they do not reach it', () => {
  it('is seen by a plan, which says why', async () => {
    const storage = newStorage()
    const elsewhere: Storage = {
      ...storage,
      presignedOrigin: async () => `http://${networks.bridgeAddress}:1`,
    }
    const scene = sceneOn(['north'], elsewhere)
    const [host] = scene.hosts
    if (host === undefined) throw new Error('no host')
    const origin = `http://${networks.bridgeAddress}:1`
    const why = `north does not reach ${origin}: curl: (7) `
    expect(await findPlane('auto', host, elsewhere, quietIo)).toMatchObject({
      plane: 'relay',
      reason: expect.stringContaining(why),
    })
    await expect(findPlane('direct', host, elsewhere, quietIo)).rejects.toMatchObject({
      code: 'repository.plane_unavailable',
      message: expect.stringContaining(why),
    })
    const bare = (hide: string) => ({ ...host, ask: withoutProgram(host, hide) })
    const reason = async (hide: string) =>
      (await findPlane('auto', bare(hide), storage, quietIo)).reason
    expect(await reason('curl')).toBe('north has no curl')
    expect(await reason('openssl')).toBe('the host reaches the storage')
    expect(await reason('openssl sha256sum')).toBe('north has neither openssl nor sha256sum')
    expect(await reason('dd')).toBe('north has no dd')
  })

  it('sends through bkp what does not come through, with the reason', async () => {
    const storage = newStorage()
    let urls = 0
    const late: Storage = {
      ...storage,
      presign: async request => {
        urls += 1
        const count = urls
        const presigned = await storage.presign?.(request)
        if (presigned === undefined) throw new Error('no URL')
        // One that ran out, then ones to where nobody listens.
        const url = presigned.url.reveal()
        const broken = count === 1 ? await expired(storage, request) : url.replace(/:\d+\//, ':1/')
        return { ...presigned, url: new Secret(broken) }
      },
    }
    const scene = sceneOn(['north'], late)
    const data = join(scene.folder, 'data')
    mkdirSync(data)
    writeFileSync(join(data, 'large'), randomBytes(8 * mebibyte + 5))
    writeFileSync(join(data, 'small'), 'x')
    const { warnings } = await scene.backUp(data, 'direct')
    const blocks = [...warnings.join('\n').matchAll(/^north: (\d) blocks? .* not directly: /gm)]
    expect(blocks.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(3)
    expect(warnings.join('\n')).toContain('Failed to connect')
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })

  it('goes on after its connections were lost', async () => {
    const storage = newStorage()
    let urls = 0
    const losing: Storage = {
      ...storage,
      presign: async request => {
        urls += 1
        const count = urls
        const presigned = await storage.presign?.(request)
        if (presigned === undefined) throw new Error('no URL')
        if (count === 3) {
          for (const pid of connectionsOf(daemons, 'north')) process.kill(pid, 'SIGKILL')
        }
        return presigned
      },
    }
    const scene = sceneOn(['north'], losing)
    const data = join(scene.folder, 'data')
    mkdirSync(data)
    writeFileSync(join(data, 'large'), randomBytes(8 * mebibyte * 5))
    for (let index = 0; index < 10; index += 1) writeFileSync(join(data, `${index}`), `${index}`)
    const { warnings } = await scene.backUp(data, 'direct')
    expect(warnings).toEqual([])
    expect(urls).toBeGreaterThan(6)
    expect(await scene.contents()).toEqual(sumsBelow(data))
  })
})

/** A URL of the same object whose time is over: the server's own clock says so. */
async function expired(
  storage: Storage,
  request: Parameters<NonNullable<Storage['presign']>>[0],
): Promise<string> {
  const short = { ...request, expiresInSeconds: 1 }
  const [put, get] = await Promise.all([
    storage.presign?.(short),
    storage.presign?.({ ...short, method: 'GET' }),
  ])
  if (put === undefined || get === undefined) throw new Error('no URL')
  for (;;) {
    const { status } = await fetch(get.url.reveal())
    if (status === 403) return put.url.reveal()
    await systemClock.sleep(50)
  }
}

/** Questions in a shell that finds none of these programs. */
function withoutProgram(host: Host, hide: string): Host['ask'] {
  const bin = `${dataDir}/bin-${systemRandom(4).join('')}`
  const link = `mkdir ${bin} && ln -s /usr/bin/* ${bin}/ && cd ${bin} && rm ${hide}`
  daemons.runOn(host.name, link)
  const pool = makeDirectScene(newStorage(), {
    names: [host.name],
    addresses: { get: name => ({ ...daemons.address(name) }) },
    manner: { environment: { PATH: bin } },
  })
  scenes.push(pool)
  const [other] = pool.hosts
  if (other === undefined) throw new Error('no host')
  return other.ask
}
