import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { output } from '../../../connection/probes.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import { askAbility, type HostAbility } from '../../planes/direct/ability.ts'

/**
 * Whether a host can fill staged files by itself: with what sending takes, a curl that copies ranges of
 * files, and GNU's cp and tar, which give them their attributes. Only looks. @throws ssh.*
 */
export async function askDownloading(
  host: ReadOnlyHost,
  storage: ReadOnlyStorage,
  io: Io,
): Promise<HostAbility | { readonly unable: string }> {
  const ability = await askAbility(host, storage, io)
  if ('unable' in ability) return ability
  if (!ability.features.protocols.includes('file')) {
    return { unable: `the curl of ${host.name} copies no files` }
  }
  const { cp, tar } = await host.ask(
    { cp: output('cp', '--help'), tar: output('tar', '--version') },
    io,
  )
  if (!tar.stdout.includes('GNU tar') || !cp.stdout.includes('--attributes-only')) {
    return { unable: `${host.name} has no GNU tar and cp, which set the attributes of files` }
  }
  return ability
}
