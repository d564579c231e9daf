import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Hasher } from './window.ts'

/** Both print the sum first, a line for each file; the names are ours. */
const script = `
case $0 in openssl) exec openssl dgst -md5 -r "$@" ;; *) exec md5sum "$@" ;; esac
`

/**
 * The MD5 of files of a window, for storages that check no other sum; nothing where the host has none to
 * give. @throws ssh.*
 */
export async function md5OfFiles(
  host: Host,
  hasher: Hasher,
  paths: readonly Uint8Array[],
  io: Io,
): Promise<readonly Uint8Array[] | undefined> {
  const exit = await host.run({ argv: ['sh', '-c', script, hasher, ...paths] }, io)
  const lines = Buffer.from(exit.stdout).toString('latin1').split('\n')
  const sums = lines.flatMap(line => {
    const [sum] = /^[0-9a-f]{32}(?= )/.exec(line) ?? []
    return sum === undefined ? [] : [Buffer.from(sum, 'hex')]
  })
  return exit.code === 0 && sums.length === paths.length ? sums : undefined
}
