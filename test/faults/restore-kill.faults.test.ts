import { afterAll, describe, expect, it } from 'vitest'
import { journalPoints } from './backup-kills.ts'
import { killRestores, killRestoresOnHosts, restoreScene } from './restore-kills.ts'

const scene = await restoreScene()
afterAll(scene.remove)

describe('a restore killed by SIGKILL leaves the old or the new tree, and running it again ends it', () => {
  // Each of them by night, as in all of these.
  it('after every other event of the journal', async () => {
    expect(await killRestores(scene, journalPoints, 2)).toBeGreaterThanOrEqual(20)
  })

  it('at some of the commands that change a host', async () => {
    expect(await killRestoresOnHosts(scene, 'bkp', 15)).toBeGreaterThanOrEqual(40)
  })

  it('at some of the commands that change a host, the host too', async () => {
    expect(await killRestoresOnHosts(scene, 'bkp and host', 15)).toBeGreaterThanOrEqual(40)
  })
})
