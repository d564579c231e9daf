import type { Io } from '../../../base/io.ts'
import { surveyCheckpoints } from '../../../databases/nebula/checkpoints/survey.ts'
import { type Dropping, dropEverywhere } from '../dropping/drop.ts'
import { waitForOthers } from '../dropping/drop-new.ts'
import { newSince } from '../dropping/since.ts'

/**
 * A metad that stops leading in the middle of a createBackup may say just "I do not lead", and the next
 * one makes another, or refuses to: what the first left is dropped. One that is whole is somebody else's,
 * and one that is still being made is waited for. Says what was done.
 */
export async function dropStrays(
  dropping: Dropping,
  {
    kind,
    existing,
  }: { readonly kind: 'backup' | 'snapshot'; readonly existing: readonly string[] },
  io: Io,
): Promise<readonly string[]> {
  const then = new Set(existing)
  if ((await look(dropping, then, kind, io)).length === 0) return []
  await waitForOthers(dropping, kind, io)
  const lines: string[] = []
  for (const stray of await look(dropping, then, kind, io)) {
    if (stray.isWhole) {
      lines.push(`${stray.name} was made meanwhile, and not by this run: it is left`)
      continue
    }
    await dropEverywhere(dropping, stray.name, io)
    lines.push(`${stray.name}, which a metad left that lost the lead, was dropped`)
  }
  return lines
}

async function look(
  { site, cluster, client }: Dropping,
  then: ReadonlySet<string>,
  kind: 'backup' | 'snapshot',
  io: Io,
): Promise<readonly { readonly name: string; readonly isWhole: boolean }[]> {
  const { found } = await surveyCheckpoints(site.hosts, cluster, io)
  const rows = await client.listSnapshots(io)
  return newSince(then, kind, { rows, found }).map(name => ({
    name,
    isWhole: rows.some(row => row.name === name && row.status === 'valid'),
  }))
}
