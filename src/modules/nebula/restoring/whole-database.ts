import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { content, walkTree } from '../../../connection/probes.ts'
import { readLiveFiles } from '../../../databases/nebula/official/live-files.ts'

/** CURRENT holds one name and a newline. */
const currentLimitBytes = 64

/**
 * Makes sure that a folder is a whole RocksDB: CURRENT names a MANIFEST, and every SST which that names
 * is there with its size. @throws restore.incomplete, nebula.backup_invalid, file.unreadable, ssh.*
 */
export async function requireWholeDatabase(
  host: ReadOnlyHost,
  folder: string,
  io: Io,
): Promise<void> {
  const fault = (what: string): BkpError =>
    new BkpError('restore.incomplete', `${host.name}: ${folder} ${what}`, {
      hint: 'this checkpoint is not whole: restore another one',
      details: { host: host.name, path: folder },
    })
  const { current } = await host.ask(
    { current: content(`${folder}/CURRENT`, currentLimitBytes) },
    io,
  )
  const name = Buffer.from(current?.bytes ?? []).toString('latin1')
  if (!/^MANIFEST-\d{1,20}\n$/.test(name)) throw fault('has no CURRENT that names a MANIFEST')
  const sizes = new Map<string, number>()
  for await (const entry of host.scan(walkTree({ root: folder }), io)) {
    if (entry.type === 'file') {
      sizes.set(Buffer.from(entry.path).toString('latin1'), entry.sizeBytes)
    }
  }
  const manifest = name.trim()
  if (!sizes.has(manifest)) throw fault(`lacks ${manifest}, which its CURRENT names`)
  const { ssts } = await readLiveFiles(host.read(`${folder}/${manifest}`, io))
  for (const [sst, sizeBytes] of ssts) {
    const found = sizes.get(sst)
    if (found === undefined) throw fault(`lacks ${sst}, which its MANIFEST names`)
    if (found !== sizeBytes) throw fault(`has ${sst} of ${found} bytes in place of ${sizeBytes}`)
  }
}
