import { afterAll, expect, it } from 'vitest'
import { journalPoints } from './backup-kills.ts'
import { killRestores, killRestoresOnHosts, restoreScene } from './restore-kills.ts'

const scene = await restoreScene()
afterAll(scene.remove)

it('after each event of the journal', async () => {
  expect(await killRestores(scene, journalPoints)).toBeGreaterThanOrEqual(20)
})

it.each(['bkp', 'bkp and host'] as const)(
  'at each command that changes a host: %s',
  async victim => {
    expect(await killRestoresOnHosts(scene, victim)).toBeGreaterThanOrEqual(40)
  },
)
