import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { createApplier } from '../../src/execute/apply.ts'
import type { PerformRequest } from '../../src/execute/driver.ts'
import type { Environment } from '../../src/execute/environment.ts'
import { createPlanner } from '../../src/execute/plan.ts'
import { createWorld } from './world.ts'

/** An environment whose cluster module notes how it was asked to look. */
function watched(): { readonly environment: Environment; readonly seen: (boolean | undefined)[] } {
  const { environment } = createWorld({})
  const { library } = environment
  const seen: (boolean | undefined)[] = []
  const load: typeof library.load = async name => {
    const loaded = await library.load(name)
    if (loaded.scope === 'host') return loaded
    const { module } = loaded
    return {
      ...loaded,
      module: {
        ...module,
        inspect: async (site, args, io) => {
          seen.push(site.appliesNow)
          return await module.inspect(site, args, io)
        },
      },
    }
  }
  return { environment: { ...environment, library: { ...library, load } }, seen }
}

const request: PerformRequest = {
  kind: 'perform',
  id: 1,
  ref: { step: '/0/tasks/0', name: 'all', module: 'everywhere', host: 'a', hosts: ['a', 'b'] },
  scope: 'cluster',
  args: {},
  mayBeSkipped: false,
  noLog: false,
}

describe('a cluster step', () => {
  it('is told that it is applied at once, so that it need not find out what only a plan shows', async () => {
    const { environment, seen } = watched()
    const applier = createApplier({
      environment,
      confirm: async () => true,
      synced: async () => {},
    })
    await applier.perform(request, quietIo, () => {})
    expect(seen).toEqual([true])
  })

  it('is told in a plan that it is not', async () => {
    const { environment, seen } = watched()
    await createPlanner(environment).perform(request, quietIo, () => {})
    expect(seen).toEqual([false])
  })
})
