import type { Io } from '../../base/io.ts'
import { OddAnswer } from '../remote/answers.ts'
import { deletionRefused } from '../remote/delete.ts'
import type { Deletion } from '../remote/service.ts'
import type { Sdk } from './client.ts'

const busyCodes: readonly string[] = ['InternalError', 'SlowDown', 'ServiceUnavailable']

/** Deletes objects. Every name must have an answer. */
export async function deleteNames(
  { client, commands, bucket }: Sdk,
  names: readonly string[],
  io: Io,
): Promise<Deletion> {
  const { Deleted = [], Errors = [] } = await client.send(
    new commands.DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Objects: names.map(name => ({ Key: name })) },
    }),
    { abortSignal: io.signal },
  )
  const failed = new Map(
    Errors.map(({ Key: name = '', Code, Message }) => [name, deletionRefused(Code, Message)]),
  )
  const gone = new Set(Deleted.map(({ Key: name }) => name))
  if (!names.every(name => gone.has(name) || failed.has(name))) {
    throw new OddAnswer('the answer does not say what became of each key')
  }
  return { failed, isBusy: Errors.some(({ Code = '' }) => busyCodes.includes(Code)) }
}
