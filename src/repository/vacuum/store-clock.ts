import type { Clock, RandomBytes } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../../storage/contract.ts'
import { key } from '../../storage/key.ts'

/**
 * What the storage's clock says, which also dates its objects: asked for, or read off an object just
 * written. Nothing that is unsafe follows from it.
 */
export async function storeTime(
  storage: Storage,
  tools: { readonly clock: Clock; readonly random: RandomBytes },
  io: Io,
): Promise<Date> {
  const told = await storage.now?.(io)
  if (told !== undefined) return told
  const probe = key(`probe/${Buffer.from(tools.random(16)).toString('hex')}`)
  await storage.put(probe, Buffer.from('what time is it\n'), io)
  let found: Date | undefined
  for await (const info of storage.list(probe, io)) {
    if (info.key === probe) found = info.modified
  }
  // A few bytes that stay harm nothing.
  await storage.delete([probe], io).catch(() => {})
  return found ?? tools.clock.now()
}
