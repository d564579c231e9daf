import type { Io } from '../../base/io.ts'
import { getIfThere } from '../../repository/get-if-there.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import { decodeHolder, type Holder } from './holder.ts'
import { holderKey, registerOf } from './lock-keys.ts'

/**
 * Who holds which lock in a storage, page by page: for telling, and for `bkp abort --from` of a run
 * that died before its mirror began. Registers that cannot be read are left out.
 */
export async function* listLocks(storage: ReadOnlyStorage, io: Io): AsyncIterable<Holder> {
  let open: { readonly prefix: string; readonly seq: number } | undefined
  const holderOf = async (): Promise<readonly Holder[]> => {
    if (open === undefined) return []
    const bytes = await getIfThere(storage, holderKey(open.prefix, open.seq), io)
    const holder = bytes === undefined ? undefined : decodeHolder(bytes)
    return holder === undefined ? [] : [holder]
  }
  let before = ''
  for await (const { key } of storage.list('locks/', io)) {
    const prefix = key.slice(0, key.lastIndexOf('/') + 1)
    if (prefix !== before) yield* await holderOf()
    if (prefix !== before) open = undefined
    before = prefix
    const register = registerOf(prefix, key)
    if (register === undefined) continue
    // In order of numbers, each release behind its holder: the last one of a lock counts.
    open = register.isRelease ? undefined : { prefix, seq: register.seq }
  }
  yield* await holderOf()
}
