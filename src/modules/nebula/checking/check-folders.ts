import type { Probe } from '../../../connection/contract.ts'
import { type OutputFacts, output } from '../../../connection/probes.ts'
import { spacesFolder } from '../../../databases/nebula/layout.ts'
import type { Fault } from './fault.ts'

/** A folder that a backup has to do with. */
interface Folder {
  readonly path: string
  readonly user: string
  readonly group: string
  /** Permission bits as a number. */
  readonly mode: number
}

/** A data path, and the folders of checkpoints in it. */
export interface FolderFacts {
  readonly exists: boolean
  readonly folders: readonly Folder[]
  /** Those that the login user cannot list, and cannot write. */
  readonly unreadable: readonly string[]
  readonly unwritable: readonly string[]
}

const script = [
  '[ -d "$1" ] || { echo absent; exit 0; }',
  'top=$2; [ -d "$top" ] || top=$1',
  'for d in "$top" "$2"/*/checkpoints; do',
  '  [ -d "$d" ] || continue',
  '  stat -L -c "s %a %U %G %n" "$d"',
  '  if [ ! -r "$d" ] || [ ! -x "$d" ]; then echo "r $d"; fi',
  '  [ -w "$d" ] || echo "w $d"',
  'done; exit 0',
].join('\n')

/** What the login user may do in a data path: `test -r`, `-x` and `-w` (specs/nebula.md §4, 6). */
export function lookAtFolders(dataDir: string): Probe<OutputFacts> {
  return output('sh', '-c', script, 'sh', dataDir, spacesFolder(dataDir))
}

/** The answer to `lookAtFolders`. */
export function readFolders({ stdout }: OutputFacts): FolderFacts {
  const lines = stdout.split('\n')
  const ofKind = (kind: string) =>
    lines.filter(line => line.startsWith(`${kind} `)).map(line => line.slice(2))
  return {
    exists: lines[0] !== 'absent' && stdout !== '',
    folders: ofKind('s').flatMap(line => {
      const [, mode, user, group, path] = /^([0-7]+) (\S+) (\S+) (.+)$/.exec(line) ?? []
      if (mode === undefined || user === undefined || group === undefined) return []
      return [{ path: path ?? '', user, group, mode: Number.parseInt(mode, 8) }]
    }),
    unreadable: ofKind('r'),
    unwritable: ofKind('w'),
  }
}

/** What login and service user cannot do there. `groups` are those of the service user. */
export function folderFaults(
  { folders, unreadable, unwritable }: FolderFacts,
  serviceUser: string | undefined,
  groups: readonly string[],
): readonly Fault[] {
  const blocked = folders.filter(
    folder => serviceUser !== undefined && !mayWrite(folder, serviceUser, groups),
  )
  return [
    ...unreadable.map(path => ({
      what: `${path} cannot be read by the login user`,
      hint: 'run the play with become: true, or let the login user read it',
    })),
    ...unwritable
      .filter(path => !unreadable.includes(path))
      .map(path => ({
        what: `${path} cannot be written by the login user`,
        hint: 'leftovers of a backup could not be removed: use become: true, or the group of the service',
      })),
    ...blocked.map(({ path, user, group }) => ({
      what: `${path} belongs to ${user}:${group}, and ${serviceUser} cannot write there`,
      hint: `the service could make no checkpoint: chown it, or correct service_user`,
    })),
  ]
}

/** By the permission bits; the answer of a test -w that runs as that user would need sudo. */
function mayWrite({ user, group, mode }: Folder, who: string, groups: readonly string[]): boolean {
  if (who === 'root') return true
  if (who === user) return (mode & 0o300) === 0o300
  if (groups.includes(group)) return (mode & 0o030) === 0o030
  return (mode & 0o003) === 0o003
}
