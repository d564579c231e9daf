import { describe, expect, it } from 'vitest'
import { readOnlyFaults, spaceFaults } from '../../../src/repository/restore/space.ts'

describe('space', () => {
  const need = {
    host: 'a',
    target: '/data/x',
    device: '1',
    mountPoint: '/data',
    writable: true,
    mountedReadOnly: false,
    availableBytes: 1e9,
    needBytes: 6e8,
  }

  it('is counted for each file system, not for each target', () => {
    expect(spaceFaults([need])).toEqual([])
    expect(spaceFaults([need, { ...need, target: '/y', device: '2' }])).toEqual([])
    expect(spaceFaults([need, { ...need, target: '/data/y' }])).toMatchObject([
      {
        code: 'restore.no_space',
        message: 'a: /data has 954 MiB free, staging needs 1.1 GiB',
        details: { need_bytes: 12e8, available_bytes: 1e9 },
      },
    ])
  })

  it('that suffices but for what stays free is told with that', () => {
    expect(
      spaceFaults([{ ...need, needBytes: 4096, availableBytes: 10 * 1024 * 1024 }]),
    ).toMatchObject([
      {
        message: 'a: /data has 10.0 MiB free, staging needs 4.0 KiB and leaves 16.0 MiB free',
        details: { reserve_bytes: 16 * 1024 * 1024 },
      },
    ])
  })

  it('that cannot be written is none', () => {
    expect(spaceFaults([{ ...need, writable: false }])).toMatchObject([
      { code: 'restore.target_invalid' },
    ])
  })

  it('on a read-only mount can be planned with, and not used', () => {
    const mounted = { ...need, writable: false, mountedReadOnly: true }
    expect(spaceFaults([mounted])).toEqual([])
    expect(readOnlyFaults([need, mounted])).toMatchObject([
      {
        code: 'restore.target_invalid',
        message: 'a: /data/x cannot be written: /data is mounted read-only',
      },
    ])
  })
})
