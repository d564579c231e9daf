import { readFileSync } from 'node:fs'
import type { BackupFile } from '../manifest_pb.ts'

/** Who owns files here, by the names that a backup holds. */
export interface Owners {
  of(file: Pick<BackupFile, 'user' | 'group'>): { readonly uid: number; readonly gid: number }
  /** Names that this machine does not know: their files are left to whoever extracts. */
  unknown(): readonly string[]
}

/** The users and groups of this machine, from its files. */
export function localOwners(
  read: (path: string) => string = path => readFileSync(path, 'utf8'),
): Owners {
  const users = idsOf(read('/etc/passwd'))
  const groups = idsOf(read('/etc/group'))
  const unknown = new Set<string>()
  const find = (ids: ReadonlyMap<string, number>, name: string, what: string): number => {
    const id = ids.get(name) ?? (/^[0-9]{1,9}$/.test(name) ? Number(name) : undefined)
    if (id !== undefined) return id
    if (name !== '') unknown.add(`${what} ${name}`)
    // Leaves it as it is: chown(2).
    return -1
  }
  return Object.freeze({
    of: ({ user, group }) => ({
      uid: find(users, user, 'user'),
      gid: find(groups, group, 'group'),
    }),
    unknown: () => [...unknown].sort(),
  } satisfies Owners)
}

/** `name:password:id:...`, as passwd(5) and group(5) have it. */
function idsOf(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split('\n').flatMap(line => {
      const [name, , id] = line.split(':')
      return name === undefined || id === undefined || !/^[0-9]+$/.test(id)
        ? []
        : [[name, Number(id)] as const]
    }),
  )
}
