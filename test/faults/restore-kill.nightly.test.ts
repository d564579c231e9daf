import { afterAll, expect, it } from 'vitest'
import { killRestoresOnHosts, restoreScene } from './restore-kills.ts'

const scene = await restoreScene()
afterAll(scene.remove)

it.each(['bkp', 'bkp and host'] as const)(
  'at each command that changes a host: %s',
  async victim => {
    expect(await killRestoresOnHosts(scene, victim)).toBeGreaterThanOrEqual(40)
  },
)
