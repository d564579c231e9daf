import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { ReadOnlyHost } from '../../../src/connection/contract.ts'
import { probeParts } from '../../../src/connection/probes/internals.ts'
import type { SpaceFacts, UploadFacts } from '../../../src/connection/probes.ts'
import { uploadTools } from '../../../src/connection/probes.ts'
import { findPlane } from '../../../src/repository/planes/choose.ts'
import { askAbility } from '../../../src/repository/planes/direct/ability.ts'
import type { ReadOnlyStorage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { readOnlyStorage } from '../../../src/storage/read-only.ts'

const mebibyte = 1024 * 1024
const curl = 'curl 7.88.1 (x86_64) libcurl/7.88.1\nProtocols: file http https\n'
const able: UploadFacts = {
  curl,
  hasher: 'openssl',
  missing: [],
  gnuTar: true,
  reached: { status: 403 },
}
const space = (availableBytes: number, mountPoint: string): SpaceFacts => ({
  availableBytes,
  mountPoint,
  device: '1',
  writable: true,
  mountedReadOnly: false,
})
const rooms = (shm: number, tmp = 0) => ({
  shm: space(shm * mebibyte, '/dev/shm'),
  tmp: space(tmp * mebibyte, '/'),
  varTmp: space(0, '/'),
})

function hostWith(tools: Partial<UploadFacts>, more: object = rooms(1000)): ReadOnlyHost {
  return {
    name: 'web1',
    transport: 'ssh',
    ask: async () => ({ tools: { ...able, ...tools }, ...more }) as never,
  } as unknown as ReadOnlyHost
}
const memory = createMemoryStorage()
const storage: ReadOnlyStorage = readOnlyStorage({
  ...memory,
  capabilities: { ...memory.capabilities, presign: true },
  presignedOrigin: async () => 'https://s3.example.org',
})
const ask = (host: ReadOnlyHost) => askAbility(host, storage, quietIo)

describe('what a host can do by itself', () => {
  it('is told by the first thing it lacks', async () => {
    const lacks: readonly (readonly [Partial<UploadFacts>, string])[] = [
      [{ curl: '' }, 'web1 has no curl'],
      [{ curl: 'something else' }, 'web1 has no curl'],
      [{ missing: ['xargs', 'dd'] }, 'web1 has no xargs'],
      [{ hasher: undefined }, 'web1 has neither openssl nor sha256sum'],
      [{ curl: curl.replace(' https', '') }, 'the curl of web1 knows no https'],
      [
        {
          reached: { error: 'curl: (28) Failed to connect to s3 port 443 after 3001 ms: Timeout' },
        },
        // The same each time.
        'web1 does not reach https://s3.example.org: curl: (28) Failed to connect to s3 port 443: Timeout',
      ],
    ]
    for (const [tools, unable] of lacks) expect(await ask(hostWith(tools))).toEqual({ unable })
  })

  it('leaves how much room there is to the run, and takes what there is', async () => {
    const ability = await ask(hostWith({}, rooms(48, 200)))
    if ('unable' in ability) throw new Error(ability.unable)
    expect(ability.hasRoom).toBe(true)
    // Three quarters of 48 MiB: one block, and three for the copies of small files.
    expect(ability.roomFor(8 * mebibyte)).toEqual({ folder: '/dev/shm', places: 1 })
    expect(ability.roomFor(mebibyte)).toEqual({ folder: '/dev/shm', places: 8 })
    const onDisk = await ask(
      hostWith({}, { ...rooms(0, 200), shm: space(5000 * mebibyte, '/dev') }),
    )
    expect('roomFor' in onDisk && onDisk.roomFor(8 * mebibyte)).toEqual({
      folder: '/tmp',
      places: 8,
    })
    const full = await ask(hostWith({}, rooms(20)))
    expect(full).toMatchObject({ hasRoom: false })
    expect(() => 'roomFor' in full && full.roomFor(8 * mebibyte)).toThrow(
      'web1 has no 32.0 MiB of room in /dev/shm, /tmp, /var/tmp',
    )
    expect(await findPlane('auto', hostWith({}, rooms(0)), storage, quietIo)).toMatchObject({
      plane: 'direct',
    })
  })

  it('is nothing where it answers no such question, which fails no plan', async () => {
    const silent = {
      ...hostWith({}),
      ask: async () => {
        throw new BkpError('command.failed', 'web1: no free space can be told for /tmp')
      },
    }
    expect(await findPlane('auto', silent, storage, quietIo)).toEqual({
      plane: 'relay',
      reason: 'web1: no free space can be told for /tmp',
    })
  })

  it('is not asked where the storage gives no URLs', async () => {
    const silent = { ...hostWith({}), ask: async () => Promise.reject(new Error('asked')) }
    expect(await findPlane('auto', silent, memory, quietIo)).toEqual({
      plane: 'relay',
      reason: 'the host is reached by ssh',
    })
    await expect(findPlane('direct', silent, memory, quietIo)).rejects.toMatchObject({
      code: 'repository.plane_unavailable',
    })
  })
})

describe('the question', () => {
  const { script, parse } = probeParts(uploadTools('https://s3.example.org'))
  const reply = (stdout: string, stderr = '') =>
    parse({ code: 0, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), truncated: false })

  it('only looks', () => {
    expect(script.toString()).toContain('-I -o /dev/null')
    const written = [...script.toString().matchAll(/>\s*([^\s;)]+)/g)].map(([, file]) => file)
    expect(new Set(written)).toEqual(new Set(['/dev/null', '&1']))
  })

  it('is answered in lines', () => {
    expect(reply(`H openssl\nT\nA 403\nV\n${curl}`)).toEqual({ ...able, curl: curl.trim() })
    expect(reply('M dd\nM sed\nA 000\nV\n', 'curl: (7) refused\n')).toEqual({
      curl: '',
      hasher: undefined,
      missing: ['dd', 'sed'],
      gnuTar: false,
      reached: { error: 'curl: (7) refused' },
    })
    expect(reply('V\n').reached).toBeUndefined()
  })
})
