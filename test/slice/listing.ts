import { execFileSync } from 'node:child_process'
import type { RunShell } from '../servers/rocksdb.ts'

/** A tree as text: entry by entry what `find` sees, and the sha256 of every file. */
export interface Listing {
  readonly [path: string]: string
}

/**
 * Lists a tree with find and sha256sum. Paths and targets are latin1 text of their bytes.
 * `changes` adds ctimes and inodes: equal listings then mean that nothing was touched.
 */
export function listing(
  run: RunShell,
  folder: string,
  options: { readonly changes?: boolean } = {},
): Listing {
  const facts = `%y %m %U:%G %T@ ${options.changes === true ? '%C@ %i' : ''}`
  const printed = run(`export LC_ALL=C
    cd ${quote(folder)} || exit 1
    { find . -type d -printf '${facts}\\t\\t%p\\0' -o -printf '${facts} %s\\t%l\\t%p\\0'
      printf 'sums\\0'
      find . -type f -print0 | xargs -0r sha256sum -bz
    } | base64 -w0`)
  const records = Buffer.from(printed, 'base64').toString('latin1').split('\0')
  const cut = records.indexOf('sums')
  const lines: Record<string, string> = Object.create(null)
  for (const record of records.slice(0, cut)) {
    const [, about = '', target = '', path = ''] = /^([^\t]*)\t(.*)\t(\..*)$/s.exec(record) ?? []
    lines[path] = target === '' ? about : `${about} -> ${target}`
  }
  for (const record of records.slice(cut + 1)) {
    const path = record.slice(66)
    if (path !== '') lines[path] += ` ${record.slice(0, 64)}`
  }
  return lines
}

/** A folder's name may hold anything; a shell takes it as one word. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** The sha256 of each file of a listing, by its path, which begins with a slash at the folder. */
export function contents(found: Listing): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(found)
      .filter(([, facts]) => facts.startsWith('f '))
      .map(([path, facts]) => [path.slice(1), facts.slice(-64)]),
  )
}

/** Runs a shell script on this machine. */
export const runHere: RunShell = script =>
  execFileSync('sh', ['-c', script], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
