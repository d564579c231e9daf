import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import {
  type FoundCheckpoint,
  findCheckpoints,
} from '../../../src/databases/nebula/checkpoints/find.ts'
import type { CheckpointPlace } from '../../../src/databases/nebula/checkpoints/places.ts'
import { removeCheckpoints } from '../../../src/databases/nebula/checkpoints/remove.ts'
import { shellHost } from '../../modules/shell-host.ts'

const host = shellHost()
const name = 'BACKUP_2021_07_16_02_39_04'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-checkpoints-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A checkpoint with a file in it; gives its folder. */
function make(dataDir: string, space: number, of = name): string {
  const path = join(folder, dataDir, 'nebula', String(space), 'checkpoints', of)
  mkdirSync(join(path, 'data'), { recursive: true })
  writeFileSync(join(path, 'data/CURRENT'), 'MANIFEST-000001\n')
  return path
}

async function find(...dataDirs: readonly string[]): Promise<readonly FoundCheckpoint[]> {
  const places = dataDirs.map(
    (dataDir): CheckpointPlace => ({
      host: host.name,
      role: 'storaged',
      address: '10.0.0.1:9779',
      folder: join(folder, dataDir),
      kind: 'data',
    }),
  )
  return await findCheckpoints(host, places, quietIo)
}

describe('checkpoints on a disk', () => {
  it('are found in all spaces and data paths, and nothing else is', async () => {
    const paths = [make('d 0', 1), make('d 0', 7), make("d'1", 1)]
    make('d 0', 1, 'somebodys-own')
    mkdirSync(join(folder, 'd 0/nebula/lost+found/checkpoints', name), { recursive: true })
    const found = await find('d 0', "d'1", 'not there')
    expect(found.map(({ path }) => path).sort()).toEqual(paths.sort())
    expect(found.every(({ linked, ageMs }) => !linked && ageMs < 60_000)).toBe(true)
  })

  it('are removed, those alone, and a second time is no harm', async () => {
    const path = make('d0', 1)
    const other = make('d0', 1, 'SNAPSHOT_2021_03_09_08_43_12')
    const own = (await find('d0')).filter(each => each.name === name)
    await removeCheckpoints(host, own, quietIo)
    await removeCheckpoints(host, own, quietIo)
    expect(existsSync(path)).toBe(false)
    expect(existsSync(join(other, 'data/CURRENT'))).toBe(true)
  })

  it.each(['checkpoints', 'space', 'nebula', 'name'])(
    'are never removed through a symlink: of %s',
    async which => {
      const real = make('real', 1)
      const levels = { name: 0, checkpoints: 1, space: 2, nebula: 3 } as Readonly<
        Record<string, number>
      >
      const up = (path: string, times: number): string =>
        Array.from({ length: times }).reduce<string>(each => join(each, '..'), path)
      const link = up(real.replace('/real/', '/d0/'), levels[which] ?? 0)
      mkdirSync(join(link, '..'), { recursive: true })
      symlinkSync(up(real, levels[which] ?? 0), link)
      const [found] = await find('d0')
      expect(found?.linked).toBe(true)
      // Also where it became a symlink only after it was looked at.
      for (const linked of [true, false]) {
        const asked = found === undefined ? [] : [{ ...found, linked }]
        await expect(removeCheckpoints(host, asked, quietIo)).rejects.toMatchObject({
          code: 'nebula.not_ready',
        })
      }
      expect(existsSync(join(real, 'data/CURRENT'))).toBe(true)
    },
  )

  it.each(['/', '/etc', `/d/nebula/1/checkpoints/${name}/data`, `/d/nebula/1/../../${name}`])(
    'are not what %s is',
    async path => {
      const asked = { path, linked: false } as FoundCheckpoint
      await expect(removeCheckpoints(host, [asked], quietIo)).rejects.toMatchObject({
        code: 'nebula.not_ready',
      })
    },
  )
})
