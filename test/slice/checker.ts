import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contents, listing, runHere } from './listing.ts'

const checker = fileURLToPath(new URL('../repository/checker.py', import.meta.url))

/** A backup as the checker, which shares no code with us, rebuilt it. */
export interface CheckedBackup {
  readonly name: string
  readonly state: string
  /** The sha256 of each file by its path, of each host. */
  readonly hosts: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Checks every block and manifest of a repository in a folder; throws at the first fault. */
export function checkRepository(storage: string): readonly CheckedBackup[] {
  const out = mkdtempSync(join(tmpdir(), 'bkp-rebuilt-'))
  try {
    const { status, stdout, stderr } = spawnSync('python3', [checker, storage, out], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the repository is not whole: ${stdout}${stderr}`)
    return stdout
      .trimEnd()
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [name = '', state = ''] = line.split(' ')
        return { name, state, hosts: rebuilt(join(out, name)) }
      })
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

function rebuilt(folder: string): CheckedBackup['hosts'] {
  if (!existsSync(folder)) return {}
  return Object.fromEntries(
    readdirSync(folder).map(host => [host, contents(listing(runHere, join(folder, host)))]),
  )
}
