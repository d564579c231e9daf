import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import type { Host } from '../../../src/connection/contract.ts'
import type { MetaClient } from '../../../src/databases/nebula/contract.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import { restoreMeta } from '../../../src/modules/nebula/restore-meta.ts'
import { errorOf } from '../../connection/support.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { makeNebulaRestoreScene, type NebulaRestoreScene } from './restore-scene.ts'
import { fakeMeta, patientClock } from './scene.ts'

let scene: NebulaRestoreScene
const names = ['__id__.sst', '__spaces__.sst']
beforeEach(async () => {
  scene = makeNebulaRestoreScene({ metads: ['h1', 'h2'] })
  for (const name of names) scene.put(join(scene.folder, 'checkpoints/meta', name), `of ${name}`)
  for (const host of ['h1', 'h2']) {
    mkdirSync(scene.meta(host), { recursive: true })
    chmodSync(scene.meta(host), 0o750)
  }
  await scene.backUp({ meta_files: names })
})
afterEach(async () => {
  await scene.close()
})

const spaces = [
  { id: 1, name: 'nba' },
  { id: 2, name: 'cars' },
]
type Restored = Parameters<MetaClient['restoreMeta']>[1]

/** Metads that read what they get and remove it, as metads do. */
function metads(more: Partial<MetaClient> = {}) {
  const calls: { at: string; request: Restored; texts: string[]; modes: number[] }[] = []
  const client = fakeMeta(undefined, {
    listSpaces: async () => spaces,
    // One of them was not in the backup's metads.
    addHost: async ({ host }) => (host === '10.0.0.2' ? 'added' : 'known'),
    restoreMeta: async ({ host }, request) => {
      const texts = request.files.map(path => readFileSync(path, 'utf8'))
      const modes = request.files.map(path => statSync(join(path, '..')).mode & 0o777)
      for (const path of request.files) unlinkSync(path)
      calls.push({ at: host, request, texts, modes })
    },
    ...more,
  })
  return { calls, client }
}

function siteWith(client: MetaClient, hosts?: readonly Host[]): WritableSite {
  const site = scene.site('1')
  const clock = patientClock()
  return {
    ...site,
    ...(hosts === undefined ? {} : { hosts }),
    run: { ...site.run, clock },
    client: async () => client,
  }
}

const args = { cluster: 'graph', storage: 'vault' }
const pairs = [{ from: '10.0.0.9:9779', to: '10.0.0.2:9779' }]

/** What of ours is left on the hosts. */
function leftovers(): string[] {
  return ['h1', 'h2'].flatMap(host =>
    readdirSync(scene.meta(host)).filter(name => name.startsWith('.bkp')),
  )
}

describe('nebula.restore_meta', () => {
  it('gives every metad all files and the pairs in their order, and leaves nothing', async () => {
    const { calls, client } = metads()
    const site = siteWith(client)
    const plan = await planAt(site, restoreMeta, { ...args, pairs })
    expect(plan).toMatchObject({
      kind: 'change',
      changes: [
        { target: 'restoreMeta of metad 10.0.0.1:9559', host: 'h1', destructive: true },
        { target: 'restoreMeta of metad 10.0.0.2:9559', host: 'h2', destructive: true },
      ],
    })
    mkdirSync(join(scene.meta('h2'), '.bkp-meta-of-a-run-that-was-killed'))
    const result = await applyAt(site, restoreMeta, { ...args, pairs })
    expect(result).toMatchObject({
      files: names,
      metads: ['10.0.0.1:9559', '10.0.0.2:9559'],
      spaces: ['nba', 'cars'],
      registered: ['10.0.0.2:9779'],
    })
    expect(calls.map(({ at }) => at).toSorted()).toEqual(['10.0.0.1', '10.0.0.2'])
    for (const { request, texts, modes } of calls) {
      expect(texts).toEqual(names.map(name => `of ${name}`))
      expect(new Set(modes)).toEqual(new Set([0o750]))
      expect(request.hosts).toEqual([
        { from: { host: '10.0.0.9', port: 9779 }, to: { host: '10.0.0.2', port: 9779 } },
      ])
    }
    expect(leftovers()).toEqual([])
  })

  it('puts the files there anew for each try, since the metad has removed them', async () => {
    const { client, calls } = metads()
    let failed = 0
    const failing: MetaClient = {
      ...client,
      restoreMeta: async (metad, request, io) => {
        await client.restoreMeta(metad, request, io)
        failed += 1
        if (failed <= 2) throw new BkpError('nebula.refused', 'E_RESTORE_FAILURE')
      },
    }
    await applyAt(siteWith(failing), restoreMeta, { ...args, metads: ['10.0.0.1:9559'] })
    expect(calls.map(({ texts }) => texts.length)).toEqual([2, 2, 2])
  })

  it('says what was made sure of and what the log says where a metad refuses', async () => {
    scene.put(join(scene.folder, 'h2/logs/nebula-metad.ERROR'), 'E1121 Failed to restore file\n')
    const { client } = metads()
    const refusing: MetaClient = {
      ...client,
      restoreMeta: async (metad, request, io) => {
        if (metad.host === '10.0.0.1') return await client.restoreMeta(metad, request, io)
        throw new BkpError('nebula.refused', 'E_RESTORE_FAILURE', { details: { code: -2068 } })
      },
    }
    const error = await errorOf(applyAt(siteWith(refusing), restoreMeta, args))
    expect(error.code).toBe('nebula.refused')
    expect(error.message).toContain('metad 10.0.0.2:9559 on h2 did not take the meta tables')
    expect(error.message).toContain('2 files are there, each with its sha256')
    expect(error.details).toMatchObject({
      code: -2068,
      log: expect.stringContaining('  E1121 Failed to restore file'),
    })
    expect(leftovers()).toEqual([])
  })

  it('waits for a metad to answer and for spaces to be there, and not for ever', async () => {
    let answers = 0
    const { client } = metads({
      metaDirectories: async () => {
        answers += 1
        if (answers < 5) throw new BkpError('nebula.unreachable', 'not yet')
        return undefined
      },
      listSpaces: async () => (answers++ < 9 ? spaces.slice(1) : spaces),
    })
    await applyAt(siteWith(client), restoreMeta, args)
    const empty = metads({ listSpaces: async () => [] }).client
    const error = await errorOf(applyAt(siteWith(empty), restoreMeta, { ...args, timeout: '30s' }))
    expect(error.code).toBe('nebula.not_ready')
    expect(error.message).toContain('there is no space nba, cars')
  })

  it('lets the leader replace hosts over HTTP after all have their files', async () => {
    const asked: string[] = []
    const { calls, client } = metads({ leader: async () => ({ host: '10.0.0.2', port: 9559 }) })
    const hosts = scene.site('1').hosts.map(
      (host): Host => ({
        ...host,
        dial: async address => {
          const [ours, theirs] = duplexPair()
          theirs.on('data', (chunk: Buffer) => {
            const [line] = chunk.toString().split('\r\n')
            asked.push(`${host.name} ${address.port} ${line}`)
            const isFirst = asked.length === 1
            const body = isFirst ? 'Replace Host failed!' : 'Replace Host successfully'
            theirs.end(
              `HTTP/1.1 ${isFirst ? '403 Forbidden' : '200 OK'}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
            )
          })
          return ours
        },
      }),
    )
    const method = 'http_replace' as const
    await applyAt(siteWith(client, hosts), restoreMeta, { ...args, pairs, method })
    expect(calls.map(({ request }) => request.hosts)).toEqual([[], []])
    // Refused once: who leads may have changed.
    const line = 'h2 19559 GET /replace?from=10.0.0.9&to=10.0.0.2 HTTP/1.1'
    expect(asked).toEqual([line, line])
  })

  it('takes no file from a backup that is not of a meta table, and none that is not there', async () => {
    const { client } = metads()
    for (const name of ['../../etc/passwd', '__id__.sst/..', 'CURRENT', '__tags__.sst']) {
      const error = await errorOf(planAt(siteWith(client), restoreMeta, { ...args, files: [name] }))
      expect(error.code, name).toBe('nebula.backup_invalid')
    }
    expect(existsSync(join(scene.meta('h1'), 'nebula'))).toBe(false)
  })
})
