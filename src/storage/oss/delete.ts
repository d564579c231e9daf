import type { Io } from '../../base/io.ts'
import { escapeControls } from '../../base/text.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import { deleteInBatches, type FailedDelete } from '../remote/delete.ts'
import { isBusyName } from './errors.ts'
import type { Requests } from './requests.ts'
import { exchange } from './transport.ts'
import { elements, elementText } from './xml.ts'

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
  return await requests.send('deleting', io, async ({ client }) => {
    const { res } = await client.deleteMulti([...left.keys()], { ctx: exchange(io) })
    const { failed, busy } = outcomeOf(Buffer.from(res.data).toString(), left)
    if (busy > 0) {
      // Only what has not gone is asked for again.
      left = new Map([...left].filter(([name]) => failed.has(name)))
      throw Object.assign(new Error('some objects could not be deleted yet'), { code: 'SlowDown' })
    }
    return [...failed].flatMap(([name, error]) => {
      const key = left.get(name)
      return key === undefined ? [] : [{ key, error }]
    })
  })
}

/**
 * By names: what was not deleted, and how many of these for the moment only. OSS names what it has
 * deleted, and may leave out what it has not: ali-oss reads no more than that.
 */
function outcomeOf(
  text: string,
  asked: ReadonlyMap<string, Key>,
): { readonly failed: ReadonlyMap<string, Error>; readonly busy: number } {
  if (!text.includes('<DeleteResult')) {
    throw new OddAnswer('the answer does not say what became of each key')
  }
  const failed = new Map<string, Error>()
  for (const name of asked.keys()) {
    failed.set(name, new Error('not deleted; the server does not say why'))
  }
  let busy = 0
  for (const block of elements(text, 'Error')) {
    const name = elementText(block, 'Key') ?? ''
    const code = elementText(block, 'Code') ?? 'UnknownError'
    const reason = `${code}: ${elementText(block, 'Message') ?? ''}`.slice(0, 300)
    if (!failed.has(name)) continue
    failed.set(name, new Error(escapeControls(reason, { newlines: false })))
    if (isBusyName(code)) busy += 1
  }
  for (const block of elements(text, 'Deleted')) failed.delete(elementText(block, 'Key') ?? '')
  return { failed, busy }
}
