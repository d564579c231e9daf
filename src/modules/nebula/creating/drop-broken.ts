import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { isCheckpointName } from '../../../databases/nebula/layout.ts'
import { type Dropping, dropEverywhere } from '../dropping/drop.ts'

/**
 * Drops what was made and cannot be used. The name is left in the result that is registered, so that a
 * release finds it where this failed. @returns the error to throw
 */
export async function dropBroken(
  thrown: unknown,
  dropping: Dropping,
  name: string,
  io: Io,
): Promise<BkpError> {
  const error = asBkpError(thrown)
  if (!isCheckpointName(name)) return error
  let then = 'it is dropped'
  try {
    // A run that is cancelled leaves it to the release.
    if (io.signal.aborted) then = 'it is not dropped yet'
    else await dropEverywhere(dropping, name, io)
  } catch (failure) {
    then = `dropping it failed: ${asBkpError(failure).message}`
  }
  return new BkpError(error.code, `${error.message}; ${then}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
    details: { ...error.details, result: { name } },
  })
}
