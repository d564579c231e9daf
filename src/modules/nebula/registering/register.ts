import type { Io } from '../../../base/io.ts'
import {
  addressText,
  type MetaClient,
  type ServiceAddress,
} from '../../../databases/nebula/contract.ts'
import { type Patience, until } from '../shared/until.ts'

/**
 * Registers storageds with the metads, as ADD HOSTS does: since 3.0 they answer no other (specs/nebula.md §6). One by
 * one, as one that is known refuses all. Those that were not known are given back; with 2.x none is.
 * @throws nebula.not_ready where one is not registered in time
 */
export async function registerStorageds(
  client: Pick<MetaClient, 'addHost'>,
  storageds: readonly ServiceAddress[],
  patience: Patience,
  io: Io,
): Promise<readonly string[]> {
  const registered: string[] = []
  for (const storaged of storageds) {
    const name = addressText(storaged)
    await until(patience, `the metads did not register ${name}`, io, async () => {
      if ((await client.addHost(storaged, io)) === 'added') registered.push(name)
    })
  }
  return registered
}
