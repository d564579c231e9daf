import { describe, expect, it } from 'vitest'
import type { FoundCheckpoint } from '../../../src/databases/nebula/checkpoints/find.ts'
import type { SnapshotRow } from '../../../src/databases/nebula/contract.ts'
import { chooseGarbage } from '../../../src/modules/nebula/collecting/choose.ts'

const hourMs = 3_600_000
const policy = { invalid: true, orphansOlderThanMs: hourMs }

function row(name: string, status: SnapshotRow['status'] = 'valid'): SnapshotRow {
  return { name, status, hosts: [] }
}

function found(name: string, ageMs: number, host = 'a'): FoundCheckpoint {
  return {
    name,
    host,
    path: `/d/nebula/1/checkpoints/${name}`,
    role: 'storaged',
    address: '10.0.0.1:9779',
    space: 1,
    modified: '2026-11-21T10:00:00.000Z',
    ageMs,
    linked: false,
  }
}

const [s1, s2, s3] = [1, 2, 3].map(day => `SNAPSHOT_2026_11_0${day}_10_00_00`) as [
  string,
  string,
  string,
]
const backup = 'BACKUP_2026_11_01_10_00_00'

describe('what a collection of snapshots takes', () => {
  it('leaves whole snapshots alone where nothing says how many stay', () => {
    expect(chooseGarbage([row(s1), row(backup)], [found(s1, 9 * hourMs)], [], policy)).toEqual({
      drops: [],
      orphans: [],
      left: [],
    })
  })

  it('drops INVALID ones, but not one that may still be made', () => {
    const rows = [row(s1, 'invalid'), row(s2, 'invalid')]
    const chosen = chooseGarbage(rows, [found(s1, 2 * hourMs), found(s2, 1000)], [], policy)
    expect(chosen.drops).toEqual([{ name: s1, why: 'INVALID' }])
    expect(chosen.left).toEqual([`${s2}: INVALID, and may still be made`])
  })

  it('takes folders without a row once the youngest of the name is old enough on all hosts', () => {
    const old = found(s1, 2 * hourMs)
    const chosen = chooseGarbage(
      [],
      [old, found(s2, 2 * hourMs), found(s2, 1000, 'b'), found(s3, 2 * hourMs)],
      [],
      { ...policy, keep: [s3] },
    )
    expect(chosen.orphans).toEqual([old])
    expect(chosen.left).toEqual([`${s2}: not listed, and may still be made`])
  })

  it('keeps the newest so many, or those named, and never counts backups among them', () => {
    const rows = [row(backup), row(s1), row(s2), row(s3, 'invalid')]
    const names = (keep: number | readonly string[]) =>
      chooseGarbage(rows, [], [], { ...policy, keep }).drops.map(({ name }) => name)
    expect(names(1)).toEqual([s1, s3])
    expect(names(2)).toEqual([s3])
    expect(names([s1, s3])).toEqual([s2])
  })

  it('drops backups only where asked, and not while their age is not known', () => {
    const asked = { ...policy, backupsOlderThanMs: hourMs }
    const choose = (folders: readonly FoundCheckpoint[], unread: readonly { host: string }[]) =>
      chooseGarbage([row(backup)], folders, unread, asked)
    expect(choose([found(backup, 2 * hourMs)], []).drops).toHaveLength(1)
    expect(choose([found(backup, 1000)], []).drops).toEqual([])
    expect(choose([], []).drops).toHaveLength(1)
    expect(choose([], [{ host: 'b' }])).toMatchObject({
      drops: [],
      left: [`${backup}: its age is not known while hosts cannot be looked at`],
    })
  })
})
