import * as Type from 'typebox'
import { asBkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { parseDuration } from '../../base/units.ts'
import { addressText, type ServiceAddress } from '../../databases/nebula/contract.ts'
import { isMajor2 } from '../../databases/nebula/generations/versions.ts'
import { clusterName, duration } from '../arguments.ts'
import { type Change, defineClusterModule, type Site } from '../contract.ts'
import { registerStorageds } from './registering/register.ts'
import { instancesOf, metaClient, metaReader } from './shared/cluster.ts'
import { texts } from './shared/schemas.ts'
import { mayPass } from './shared/until.ts'

interface Arguments {
  readonly cluster: string
  readonly timeout?: string
}

interface Facts {
  readonly storageds: readonly { readonly host: string; readonly address: ServiceAddress }[]
  /**
   * Those that metads list, as host:port. `all`: of 2.x, which take any. Absent where none answers: that they do
   * is waited for.
   */
  readonly known?: 'all' | readonly string[]
}

const defaultTimeout = '5m'

export const addHosts = defineClusterModule({
  name: 'nebula.add_hosts',
  summary: 'Register the storageds of a cluster that its metads do not know (ADD HOSTS).',
  args: Type.Object(
    {
      cluster: clusterName(),
      timeout: Type.Optional(
        duration('How long to wait for the metads to take one in.', { default: defaultTimeout }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      storageds: texts('All storageds of the cluster, as host:port.'),
      registered: texts('Those that the metads did not know; none before 3.0, which takes any.'),
    },
    { additionalProperties: false },
  ),
  // Which metads answer hangs on which of them were started.
  resources: ({ cluster }) => [`nebula:${cluster}`, `service:nebula/${cluster}`],
  inspect: async (site, { cluster }: Arguments, io): Promise<Facts> => {
    const instances = await instancesOf(site, cluster, io, 'storaged')
    const known = await readKnown(site, cluster, io)
    return {
      storageds: instances.map(({ hostName, address }) => ({ host: hostName, address })),
      ...(known === undefined ? {} : { known }),
    }
  },
  plan: ({ args: { cluster }, facts }) => {
    const { storageds, known } = facts
    const later: Change = {
      action: 'call',
      target: `ADD HOSTS of ${cluster}`,
      notes: ['registers the storageds that the metads do not know by then'],
    }
    const all = storageds.map(({ address }) => addressText(address))
    const [first, ...others] = unknownOf(facts).map(
      ({ host, address }): Change => ({
        action: 'call',
        target: `addHosts ${addressText(address)}`,
        host,
        notes: ['the metads do not list it'],
      }),
    )
    if (first === undefined) {
      return {
        kind: 'unchanged',
        result: { storageds: all, registered: [] },
        message:
          known === 'all' ? 'before 3.0 metads take any storaged' : 'the metads know all of them',
        // Going back to a snapshot takes away what the metads know now.
        ...(known === 'all' ? {} : { otherwise: [later] }),
      }
    }
    return {
      kind: 'change',
      changes: known === undefined ? [later] : [first, ...others],
      after: {},
      // One that is registered and was silent for a day is missing from the first list of metads that have it.
      certainty: 'maybe',
    }
  },
  apply: async (site, { args, facts }, io) => {
    const { clock } = site.run
    const timeoutMs = parseDuration(args.timeout ?? defaultTimeout)
    const client = await metaClient(site, args.cluster)
    try {
      const unknown = unknownOf(facts).map(({ address }) => address)
      const registered = await registerStorageds(client, unknown, { clock, timeoutMs }, io)
      return {
        storageds: facts.storageds.map(({ address }) => addressText(address)),
        registered: [...registered],
      }
    } finally {
      await client.close()
    }
  },
  changed: ({ result }) => result.registered.length > 0,
})

function unknownOf({ storageds, known }: Facts): Facts['storageds'] {
  if (known === 'all') return []
  return storageds.filter(({ address }) => known?.includes(addressText(address)) !== true)
}

/**
 * Since 3.0 metads list what is registered, whether it was ever there or not, until it is dropped
 * (ListHostsProcessor, DropHostsProcessor). @throws what is no matter of who answers by now
 */
async function readKnown(site: Site, cluster: string, io: Io): Promise<Facts['known']> {
  const reader = await metaReader(site, cluster)
  try {
    const { generation } = await reader.version(io)
    if (isMajor2(generation)) return 'all'
    return (await reader.listHosts('storage', io)).map(({ address }) => addressText(address))
  } catch (thrown) {
    io.signal.throwIfAborted()
    if (!mayPass(asBkpError(thrown))) throw thrown
    return undefined
  } finally {
    await reader.close()
  }
}
