import type { Key } from '../contract.ts'

/** What one request may name: the limit of S3 and of OSS. */
const keysPerRequest = 1000

export interface FailedDelete {
  readonly key: Key
  readonly error: Error
}

/** Deletes objects, 1000 a request; gives those that could not be, each with its reason. */
export async function deleteInBatches(
  keys: readonly Key[],
  deleteBatch: (keys: readonly Key[]) => Promise<readonly FailedDelete[]>,
): Promise<readonly FailedDelete[]> {
  const failed: FailedDelete[] = []
  for (let start = 0; start < keys.length; start += keysPerRequest) {
    failed.push(...(await deleteBatch(keys.slice(start, start + keysPerRequest))))
  }
  return failed
}
