import { describe, expect, it } from 'vitest'
import { vacuum } from '../../../src/modules/repository/vacuum.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  memoryHost,
  quietIo,
  testClock,
  testRandom,
} from '../../repository/support.ts'
import { applyAt, makeSite, planAt } from './site.ts'

const cluster = { name: 'demo', kind: 'files', roles: {}, hosts: [], settings: {} }

/** A site whose vault holds a backup of each of so many days before the site's clock. */
async function siteWith(days: readonly number[]) {
  const storage = createMemoryStorage()
  const { site, next } = makeSite({ hosts: [], storage, clusters: [cluster] })
  const host = memoryHost('db1')
  for (const day of days) {
    host.set('own', `${day} `.repeat(60))
    const time = new Date(site.run.clock.now().getTime() - day * 86_400_000)
    const clock = testClock(time.toISOString())
    await backUp(backupOptions(storage, [host], { clock, random: testRandom(`${day}`) }), quietIo)
  }
  return { site, next, storage }
}

const args = { storage: 'vault', cluster: 'demo', max_backups: 2, quarantine: '0s' }

describe('repository.vacuum', () => {
  it('shows what goes and stays, and why; does it; and has nothing to do then', async () => {
    const { site } = await siteWith([3, 2, 1])
    const planned = await planAt(site, vacuum, args)
    expect(planned).toMatchObject({
      kind: 'change',
      certainty: 'sure',
      changes: [
        {
          action: 'call',
          target: 'vacuum vault',
          notes: [
            expect.stringMatching(/^forgets \d{8}_\d{6} \(demo\): number 3 from the newest/),
            expect.stringMatching(/^keeps \d{8}_\d{6} \(demo\): number 2 from the newest/),
            expect.stringMatching(/^keeps \d{8}_\d{6} \(demo\): number 1 from the newest/),
            expect.stringMatching(
              /^\d+ blocks \([\d.]+ .?i?B\) are needed by no backup that stays$/,
            ),
          ],
        },
      ],
    })
    const result = await applyAt(site, vacuum, args)
    expect(result).toMatchObject({ state: 'closed', forgotten: [expect.any(String)] })
    expect(result.deleted_blocks).toBeGreaterThan(0)
    expect(result.deleted_bytes).toBeGreaterThan(result.deleted_blocks)
    expect(await planAt(site, vacuum, args)).toMatchObject({
      kind: 'unchanged',
      result: { state: 'none', forgotten: [], deleted_blocks: 0, deleted_bytes: 0 },
    })
  })

  it('has nothing to do while a plan waits, and where there is no backup yet', async () => {
    const { site } = await siteWith([3, 2, 1])
    const waiting = { ...args, quarantine: '24h' }
    expect(await applyAt(site, vacuum, waiting)).toMatchObject({ state: 'planned' })
    expect(await planAt(site, vacuum, waiting)).toMatchObject({
      kind: 'unchanged',
      message: expect.stringMatching(/^vacuum 1 is planned, \d+ blocks, and can be cancelled for/),
      result: { state: 'planned' },
    })
    const empty = await siteWith([])
    expect(await planAt(empty.site, vacuum, args)).toMatchObject({
      kind: 'unchanged',
      message: 'vault holds no backup yet',
    })
  })

  it('forgets more than half only where the step confirms it, and a plan says so', async () => {
    const { site } = await siteWith([3, 2, 1])
    const few = { ...args, max_backups: 1 }
    const notes = async (confirm: boolean): Promise<string> => {
      const planned = await planAt(site, vacuum, { ...few, confirm })
      return planned.kind === 'change' ? (planned.changes[0].notes ?? []).join('\n') : ''
    }
    expect(await notes(false)).toContain('demo (files) would go: refused without confirm: true')
    expect(await notes(true)).toContain('demo (files) would go: confirmed')
    await expect(applyAt(site, vacuum, few)).rejects.toMatchObject({
      code: 'repository.unconfirmed',
    })
    expect(await applyAt(site, vacuum, { ...few, confirm: true })).toMatchObject({
      state: 'closed',
      forgotten: [expect.any(String), expect.any(String)],
    })
  })
})
