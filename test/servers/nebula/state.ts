import { createHash } from 'node:crypto'
import type { Scan } from '../rocksdb.ts'
import type { SshdHosts } from '../sshd.ts'
import type { NebulaService } from './contract.ts'

/** All rows of a space as `ldb scan` prints them: distinct, for copies are alike, and in order. */
export async function scanSpace(
  hosts: SshdHosts,
  storageds: readonly NebulaService[],
  spaceId: number,
): Promise<Scan> {
  const lines = new Set<string>()
  for (const { host, dataDirs } of storageds) {
    for (const dataDir of dataDirs) {
      const folder = `${dataDir}/nebula/${spaceId}/data`
      const text = await hosts.waitOn(
        host,
        `if [ -d '${folder}' ]; then ldb --db='${folder}' --hex scan; fi`,
      )
      for (const line of text.split('\n')) if (line !== '') lines.add(line)
    }
  }
  const hash = createHash('sha256')
  for (const line of [...lines].sort()) hash.update(`${line}\n`)
  return { rows: lines.size, sha256: hash.digest('hex') }
}

/** Every entry of a `checkpoints` folder below the hosts' data folders, as `host:path`. */
export async function leftoverFolders(
  hosts: SshdHosts,
  dataDir: string,
): Promise<readonly string[]> {
  const found = await Promise.all(
    hosts.hosts.map(async ({ name }) => {
      const text = await hosts.waitOn(
        name,
        `find '${dataDir}' -path '*/checkpoints/*' -prune -print | sort`,
      )
      return text
        .split('\n')
        .filter(Boolean)
        .map(path => `${name}:${path}`)
    }),
  )
  return found.flat()
}
