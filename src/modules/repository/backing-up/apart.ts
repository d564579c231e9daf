import { fileURLToPath } from 'node:url'
import { BkpError } from '../../../base/errors.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { compileExclude } from '../../../repository/exclude.ts'
import { isBelow, relativeTo, showPath } from '../../../repository/logical-path.ts'
import type { SourceRoot } from '../../../repository/source.ts'

/**
 * A folder as storage may not lie inside what is backed up of this machine, nor the other way round:
 * every backup would hold all that came before it. Left out by `exclude` it may lie inside.
 * @throws usage.invalid
 */
export function checkApart(
  { url, exclude }: { readonly url: string; readonly exclude: readonly string[] },
  hosts: readonly Pick<ReadOnlyHost, 'name' | 'transport'>[],
  roots: ReadonlyMap<string, readonly Pick<SourceRoot, 'source'>[]>,
): void {
  if (!url.startsWith('file:')) return
  const storage = Buffer.from(fileURLToPath(url))
  const isExcluded = compileExclude(exclude)
  for (const { name } of hosts.filter(({ transport }) => transport === 'local')) {
    for (const { source } of roots.get(name) ?? []) {
      if (isBelow(source, storage)) throw entangled(source, 'the storage', storage)
      if (!isBelow(storage, source) || isExcluded(relativeTo(storage, source))) continue
      throw entangled(storage, 'what is backed up', source)
    }
  }
}

function entangled(inner: Uint8Array, what: string, outer: Uint8Array): BkpError {
  return new BkpError(
    'usage.invalid',
    `${showPath(inner)} lies inside ${what}, ${showPath(outer)}: backups would hold themselves`,
    { hint: 'keep the storage and what is backed up apart, or exclude the storage' },
  )
}
