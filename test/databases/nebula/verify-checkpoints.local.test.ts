import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { verifyCheckpoints } from '../../../src/databases/nebula/checkpoints/verify.ts'
import type { Wanted, WantedCheckpoint } from '../../../src/databases/nebula/checkpoints/wanted.ts'
import { requireWhole } from '../../../src/modules/nebula/creating/check.ts'
import { errorOf } from '../../connection/support.ts'
import { shellHost } from '../../modules/shell-host.ts'
import { fakeRocksDb } from './official/rocksdb-files.ts'

const host = shellHost()
const name = 'BACKUP_2021_07_16_02_39_04'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-verify-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A checkpoint that has to be there where its space has data. */
function wantedAt(data: number, space: number): WantedCheckpoint {
  const live = join(folder, `d${data}/nebula`, String(space))
  const path = join(live, 'checkpoints', name)
  return { host: host.name, address: '10.0.0.1:9779', space, data, path, live }
}

function write(path: string): void {
  mkdirSync(join(path, 'data'), { recursive: true })
  for (const [file, bytes] of Object.entries(fakeRocksDb({ 9: 'rows' }))) {
    writeFileSync(join(path, 'data', file), bytes)
  }
}

/** Looks at this host, and at what others of the same backup came to. */
async function look(checkpoints: readonly WantedCheckpoint[]) {
  const wanted: Wanted = { checkpoints, reported: [] }
  const verified = await verifyCheckpoints(host, wanted, quietIo)
  return requireWhole(name, wanted, [verified], [])
}

describe('checkpoints of a backup that was answered for', () => {
  it('are whole in every space and data path; a space without data in one needs none there', async () => {
    const [first, second, empty] = [wantedAt(0, 1), wantedAt(1, 1), wantedAt(1, 7)] as const
    write(first.path)
    write(second.path)
    expect(await look([first, second])).toMatchObject([
      { data: 0, space: 1, ssts: 1 },
      { data: 1, space: 1, ssts: 1 },
    ])
    const ofSeven = wantedAt(0, 7)
    write(ofSeven.path)
    expect(await look([first, second, ofSeven, empty])).toHaveLength(3)
  })

  it('that are missing or cut short on a data path are all named', async () => {
    const all = [wantedAt(0, 1), wantedAt(1, 1), wantedAt(0, 7), wantedAt(1, 7)] as const
    const [whole, absent, cut, noManifest] = all
    for (const { path } of all) write(path)
    rmSync(absent.path, { recursive: true })
    rmSync(join(cut.path, 'data/000009.sst'))
    rmSync(join(noManifest.path, 'data/MANIFEST-000005'))
    const error = await errorOf(look(all))
    expect(error.code).toBe('nebula.backup_failed')
    expect(error.details['problems']).toEqual([
      `${host.name}: ${absent.path} is absent, and ${absent.live} has data`,
      `${host.name}: ${cut.path}: data/000009.sst is missing`,
      `${host.name}: ${noManifest.path}: data/MANIFEST-000005 is missing`,
    ])
    expect(error.message).not.toContain(whole.path)
  })

  it('that are nowhere on a storaged which has partitions of the space are missing', async () => {
    const never = wantedAt(0, 1)
    const error = await errorOf(look([never]))
    expect(error.message).toContain(`${host.name}: ${never.path} is not there`)
  })
})
