import { afterAll, describe, expect, it } from 'vitest'
import { playbooks } from '../slice/bkp.ts'
import {
  afterWrites,
  beforeWrites,
  journalPoints,
  killBackups,
  sceneWithBackup,
  sceneWithoutBackup,
} from './backup-kills.ts'
import { hosts } from './scene.ts'

const scene = await sceneWithBackup()
const empty = sceneWithoutBackup()
afterAll(() => {
  scene.remove()
  empty.remove()
})

/** The repository knows what its probe found: its 18 writes are made while it is made. */
const firstOwnWrite = 1

describe('a backup killed by SIGKILL leaves older ones whole, and the next run succeeds', () => {
  // Each of them by night, as in all of these.
  it('after every other event of the journal', async () => {
    expect(await killBackups(scene, journalPoints, { stride: 2 })).toBeGreaterThanOrEqual(5)
  })

  it('after every third write of its own to the storage', async () => {
    const sample = { from: firstOwnWrite, stride: 3 }
    expect(await killBackups(scene, afterWrites, sample)).toBeGreaterThanOrEqual(2)
  })

  // What is on disk before a write is what is there after the one before it, but for its temporary file.
  it('before some writes', async () => {
    expect(await killBackups(scene, beforeWrites, { stride: 3 })).toBeGreaterThanOrEqual(2)
  })

  it('and what was backed up before is restored as it was', async () => {
    scene.load('start')
    const killed = scene.run(['run', playbooks.backup, '-i', scene.inventory], {
      env: { BKP_FAILPOINT: afterWrites(firstOwnWrite + 2) },
    })
    expect(killed.signal).toBe('SIGKILL')
    const restored = await scene.runInProcess([
      'run',
      playbooks.restore,
      '-i',
      scene.inventory,
      '--confirm=tree',
    ])
    expect(restored.status, restored.stdout + restored.stderr).toBe(0)
    for (const host of hosts) expect(scene.listTree(host)).toEqual(scene.backedUp.get(host))
  })

  it('while the repository is made, and its storage probed', async () => {
    expect(await killBackups(empty, afterWrites, { from: 2, stride: 5 })).toBeGreaterThanOrEqual(4)
  })
})
