import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Probe } from '../../../connection/contract.ts'
import { type FileFacts, file } from '../../../connection/probes.ts'

/** Folders above a path by their own names, and with a slash at the end what each leads to. */
export type AboveProbes = { readonly [above: `/${string}`]: Probe<FileFacts> }

/** Folders above a path, nearest the root first; the root itself left out. */
export function ancestorsOf(path: string): readonly `/${string}`[] {
  const parent = posix.dirname(path)
  if (parent === '/' || parent === path) return []
  return [...ancestorsOf(parent), `/${parent.slice(1)}`]
}

/** What stands above a path. Two processes a folder: only where something is to be made there. */
export function aboveQuestions(path: string): AboveProbes {
  const questions = ancestorsOf(path).flatMap(above => [
    [above, file(above)] as const,
    [`${above}/`, file(above, { follow: true })] as const,
  ])
  return Object.fromEntries(questions)
}

/**
 * Nothing can be made below what is no folder. @throws step.failed where the nearest that is there is
 * none
 */
export function refuseAbove(path: string, facts: object): void {
  const seen = new Map<string, FileFacts>(Object.entries(facts))
  for (const above of [...ancestorsOf(path)].reverse()) {
    const here = seen.get(above)
    if (here === undefined) return
    if (here.kind === 'absent') continue
    const reached = here.kind === 'symlink' ? seen.get(`${above}/`) : here
    if (reached === undefined || reached.kind === 'directory') return
    const what =
      here.kind === 'symlink'
        ? `${above} is a symlink that leads to no folder`
        : `${above} is no folder`
    throw new BkpError('step.failed', `${path} cannot be made: ${what}`, {
      hint: 'nothing was touched; correct the path, or remove what is in the way first',
    })
  }
}
