import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Files that an Include names: `*` and `?` stand for parts of names, in the order of their names. */
export async function includedFiles(pattern: string): Promise<readonly string[]> {
  let found: readonly string[] = [pattern.startsWith('/') ? '/' : '.']
  for (const segment of pattern.split('/').filter(part => part !== '')) {
    const next = await Promise.all(found.map(folder => expandSegment(folder, segment)))
    found = next.flat()
  }
  return found
}

async function expandSegment(folder: string, segment: string): Promise<readonly string[]> {
  if (!/[*?]/.test(segment)) return [join(folder, segment)]
  const expression = segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.')
  const fits = new RegExp(`^${expression}$`, 's')
  const names = await readdir(folder).catch(() => [])
  // As in a shell: a star does not find hidden files.
  const matching = names.filter(name => fits.test(name) && !name.startsWith('.'))
  return matching.sort().map(name => join(folder, name))
}
