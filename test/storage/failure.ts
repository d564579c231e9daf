import { BkpError } from '../../src/base/errors.ts'

/** What a work fails with. */
export async function failure(work: Promise<unknown>): Promise<BkpError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof BkpError) return error
  throw new Error(`it did not fail as it should: ${String(error)}`)
}
