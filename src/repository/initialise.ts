import type { RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Storage } from '../storage/contract.ts'
import { bendsaveText } from './bendsave.ts'
import { bendsaveKey } from './bendsave-header.ts'
import { findRepository, openRepository, type WritableRepository } from './repository.ts'

/**
 * Opens the repository of a storage, or makes one where there is none: several may do so at once,
 * one of them wins. A storage that holds other things is left alone.
 * @throws repository.unsupported_format, storage.*, usage.invalid
 */
export async function initialiseRepository(
  storage: Storage,
  random: RandomBytes,
  io: Io,
): Promise<WritableRepository> {
  const found = await findRepository(storage, io)
  if (found !== undefined) return found
  await refuseOthers(storage, io)
  const text = bendsaveText(Buffer.from(random(16)).toString('hex'))
  // Lost the race or lost the answer: either way the repository is there now.
  await storage.putIfAbsent(bendsaveKey, Buffer.from(text), io)
  return await openRepository(storage, io)
}

const ours: readonly string[] = [
  'bendsave.md',
  'manifests',
  'data',
  'sessions',
  'beats',
  'forgotten',
  'gc',
  'checks',
  'runs',
  'locks',
  'probe',
]

/** A wrong prefix or folder must not be strewn with blocks. */
async function refuseOthers(storage: Storage, io: Io): Promise<void> {
  for await (const { key } of storage.list('', io)) {
    const [first = ''] = key.split('/')
    if (ours.includes(first)) return
    throw new BkpError('usage.invalid', `${storage.url} is not empty and no repository`, {
      hint: 'give the backup a folder or a prefix of its own',
      details: { key },
    })
  }
}
