import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../../storage/contract.ts'
import { openRepository } from '../repository.ts'
import { planLines } from './block-listing.ts'
import { isOpen, readCollection } from './collection.ts'
import { close, sealEmpty } from './registers.ts'

export interface CancelOptions {
  readonly storage: Storage
  /** The controller's name, for the registers. */
  readonly controller: string
  readonly clock: Clock
}

/** What was cancelled: the number of the vacuum, or nothing where none was open. */
export interface Cancelled {
  readonly number: number | undefined
}

/**
 * Cancels the open vacuum: seals it with nothing to delete, and closes it. What was forgotten stays
 * forgotten. @throws repository.sealed when it was sealed already: what it names is being deleted
 */
export async function cancelVacuum(options: CancelOptions, io: Io): Promise<Cancelled> {
  const repo = await openRepository(options.storage, io)
  const collection = await readCollection(options.storage, io)
  if (!isOpen(collection)) return { number: undefined }
  const { number } = collection
  const seal = await sealEmpty(repo, collection, options, io)
  for await (const _line of planLines(options.storage, seal, io)) {
    throw new BkpError('repository.sealed', `vacuum ${number} of ${repo.url} is sealed already`, {
      hint: 'what it names is deleted, no backup needs it; run bkp vacuum to finish it',
    })
  }
  await close(repo, number, options, io)
  return { number }
}
