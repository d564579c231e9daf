import type { DeleteObjectsCommandOutput } from '@aws-sdk/client-s3'
import type { Io } from '../../base/io.ts'
import { escapeControls } from '../../base/text.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import { deleteInBatches, type FailedDelete } from '../remote/delete.ts'
import type { Requests } from './requests.ts'

/** Deletes objects; resolves to those that could not be, each with its reason. */
export async function deleteObjects(
  requests: Requests,
  keys: readonly Key[],
  io: Io,
): Promise<readonly FailedDelete[]> {
  return await deleteInBatches(keys, batch => deleteBatch(requests, batch, io))
}

async function deleteBatch(
  requests: Requests,
  keys: readonly Key[],
  io: Io,
): Promise<readonly FailedDelete[]> {
  let left = new Map(keys.map(key => [requests.nameOf(key), key]))
  return await requests.send('deleting', io, async ({ client, commands }) => {
    const answer = await client.send(
      new commands.DeleteObjectsCommand({
        Bucket: requests.bucket,
        Delete: { Objects: [...left.keys()].map(name => ({ Key: name })) },
      }),
      { abortSignal: io.signal },
    )
    const { failed, busy } = outcomeOf(answer, left)
    if (busy.size > 0) {
      // Only what failed for the moment is asked for again.
      left = new Map([...left].filter(([name]) => busy.has(name) || failed.has(name)))
      throw Object.assign(new Error('some objects could not be deleted yet'), {
        name: 'SlowDown',
        $metadata: { httpStatusCode: 503 },
      })
    }
    return [...failed].flatMap(([name, error]) => {
      const key = left.get(name)
      return key === undefined ? [] : [{ key, error }]
    })
  })
}

const busyCodes: readonly string[] = ['InternalError', 'SlowDown', 'ServiceUnavailable']

/** By names: what failed for good, and what for the moment. Every name must have an answer. */
function outcomeOf(
  { Deleted = [], Errors = [] }: DeleteObjectsCommandOutput,
  asked: ReadonlyMap<string, Key>,
): { readonly failed: ReadonlyMap<string, Error>; readonly busy: ReadonlySet<string> } {
  const failed = new Map<string, Error>()
  const busy = new Set<string>()
  const answered = new Set(Deleted.map(({ Key: name }) => name))
  for (const { Key: name = '', Code = 'UnknownError', Message = '' } of Errors) {
    answered.add(name)
    if (busyCodes.includes(Code)) busy.add(name)
    const text = escapeControls(`${Code}: ${Message}`.slice(0, 300), { newlines: false })
    if (!busyCodes.includes(Code)) failed.set(name, new Error(text))
  }
  for (const name of asked.keys()) {
    if (!answered.has(name)) throw new OddAnswer('the answer does not say what became of each key')
  }
  return { failed, busy }
}
