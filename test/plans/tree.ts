import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What stands at each path of a folder: kind, mode, owner, content or target; no times. */
export type Tree = ReadonlyMap<string, string>

/** All below a folder, by whole path. */
export function treeOf(folder: string): Tree {
  const found = new Map<string, string>()
  const walk = (path: string): void => {
    const stat = lstatSync(path)
    const owner = `${stat.uid}:${stat.gid}`
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0')
    if (stat.isSymbolicLink()) found.set(path, `link ${owner} -> ${readlinkSync(path)}`)
    else if (stat.isDirectory()) {
      found.set(path, `directory ${mode} ${owner}`)
      for (const name of readdirSync(path).sort()) walk(join(path, name))
    } else {
      const content = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 12)
      found.set(path, `file ${mode} ${owner} links ${stat.nlink} ${content} ino ${stat.ino}`)
    }
  }
  walk(folder)
  return found
}

/** The same with the times of writing: that nothing at all was written. */
export function stampsOf(folder: string): string {
  const lines = [...treeOf(folder)].map(([path, what]) => {
    const { mtimeMs, ctimeMs, ino } = lstatSync(path)
    return `${path} ${what} ${mtimeMs} ${ctimeMs} ${ino}`
  })
  return lines.join('\n')
}

/** Paths that are there only once, or hold something else. */
export function differingPaths(before: Tree, after: Tree): readonly string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths].filter(path => before.get(path) !== after.get(path)).sort()
}
