import type { Static, TObject } from 'typebox'
import { systemRandom } from '../../../src/base/clock.ts'
import { BkpError } from '../../../src/base/errors.ts'
import { type Io, quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import type {
  Cluster,
  Decision,
  DefinedClusterModule,
  Site,
  WritableSite,
} from '../../../src/modules/contract.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { steppingClock } from '../../repository/restore/scene.ts'

export interface SiteOptions {
  readonly hosts: readonly Host[]
  readonly storage: Storage
  /** Further ones by name; all others are the one above. */
  readonly storages?: Readonly<Record<string, Storage>>
  readonly clusters?: readonly Cluster[]
}

/** A site as the drivers hand it over, on a clock of its own. */
export function makeSite({ hosts, storage, storages = {}, clusters = [] }: SiteOptions): {
  readonly site: WritableSite
  /** The same with another step, some time later. */
  next(step: string): WritableSite
} {
  const clock = steppingClock()
  const siteOf = (step: string): WritableSite => ({
    hosts,
    run: {
      id: '20261121_100000-abcdef',
      step,
      startedAt: clock.now(),
      clock,
      random: systemRandom,
      toolVersion: '0.1.0',
      documents: [{ path: 'playbook.yml', content: '- hosts: all\n' }],
    },
    storage: name => storages[name] ?? storage,
    cluster: name => {
      const found = clusters.find(cluster => cluster.name === name)
      if (found === undefined) throw new BkpError('schema.invalid', `no cluster ${name}`)
      return found
    },
    client: async name => {
      throw new BkpError('schema.invalid', `cluster ${name} has no client`)
    },
  })
  return {
    site: siteOf('1'),
    next: step => {
      clock.step(10_000)
      return siteOf(step)
    },
  }
}

/** A site to look at and to act with, as planning or as applying has it. */
type AnySite = WritableSite & Pick<Site, 'appliesNow'>

/** Looks and decides, as planning does. */
export async function planAt<A extends TObject, R extends TObject, F>(
  site: AnySite,
  module: DefinedClusterModule<A, R, F>,
  args: Static<A>,
  io: Io = quietIo,
): Promise<Decision<F, Static<R>>> {
  return module.plan({ args, facts: await module.inspect(site, args, io) })
}

/** Looks, decides and does it, as applying does. */
export async function applyAt<A extends TObject, R extends TObject, F>(
  site: AnySite,
  module: DefinedClusterModule<A, R, F>,
  args: Static<A>,
  io: Io = quietIo,
): Promise<Static<R>> {
  const facts = await module.inspect(site, args, io)
  const decision = module.plan({ args, facts })
  if (decision.kind === 'unchanged') return decision.result
  return await module.apply(site, { args, facts, changes: decision.changes }, io)
}
