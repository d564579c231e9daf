import type { Io } from '../../base/io.ts'
import { OddAnswer } from '../remote/answers.ts'
import { deletionRefused } from '../remote/delete.ts'
import type { Deletion } from '../remote/service.ts'
import type { Oss } from './client.ts'
import { isBusyName } from './errors.ts'
import { exchange } from './transport.ts'
import { elements, elementText } from './xml.ts'

/**
 * Deletes objects. OSS names what it has deleted, and may leave out what it has not: ali-oss reads no
 * more than that.
 */
export async function deleteNames(
  { client }: Oss,
  names: readonly string[],
  io: Io,
): Promise<Deletion> {
  const { res } = await client.deleteMulti(names, { ctx: exchange(io) })
  const text = Buffer.from(res.data).toString()
  if (!text.includes('<DeleteResult')) {
    throw new OddAnswer('the answer does not say what became of each key')
  }
  const failed = new Map(
    names.map(name => [name, new Error('not deleted; the server does not say why')]),
  )
  let isBusy = false
  for (const block of elements(text, 'Error')) {
    const name = elementText(block, 'Key') ?? ''
    if (!failed.has(name)) continue
    const code = elementText(block, 'Code')
    failed.set(name, deletionRefused(code, elementText(block, 'Message')))
    isBusy ||= code !== undefined && isBusyName(code)
  }
  for (const block of elements(text, 'Deleted')) failed.delete(elementText(block, 'Key') ?? '')
  return { failed, isBusy }
}
