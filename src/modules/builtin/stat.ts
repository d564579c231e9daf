import * as Type from 'typebox'
import type { Probe } from '../../connection/contract.ts'
import { type FileFacts, file, sha256 } from '../../connection/probes.ts'
import { Unknown } from '../../expression/unknown.ts'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { isOpen, isPresent, withoutTrailingSlash } from './files/facts.ts'

const described = (type: string | readonly string[], description: string) =>
  Type.Optional(Type.Unsafe<unknown>({ type, description }))

const statSchema = Type.Object(
  {
    exists: Type.Boolean({
      description: 'Whether anything is there; all else is left out if not.',
    }),
    path: described('string', 'The path.'),
    isreg: described('boolean', 'A regular file.'),
    isdir: described('boolean', 'A folder.'),
    islnk: described('boolean', 'A symlink.'),
    size: described('integer', 'Size in bytes.'),
    mode: described('string', 'Permission bits as octal text: 0644.'),
    pw_name: described('string', "The owner's name."),
    gr_name: described('string', "The group's name."),
    uid: described('integer', "The owner's number."),
    gid: described('integer', "The group's number."),
    mtime: described('number', 'When the content last changed, in seconds since 1970.'),
    inode: described(['integer', 'string'], 'Inode number; as text above 2^53.'),
    nlink: described('integer', 'Number of hard links.'),
    checksum: described('string', 'sha256 of the content, in hex; of regular files only.'),
    lnk_target: described('string', 'What the symlink says.'),
  },
  { additionalProperties: false, description: 'What is at the path.' },
)

type StatFields = Readonly<Record<string, unknown>> & { readonly exists: boolean }

/** Seconds as Ansible has them; what an earlier step of a plan left open stays open. */
function seconds(mtimeNs: unknown): unknown {
  return isOpen(mtimeNs) ? mtimeNs : Number(mtimeNs) / 1e9
}

/** A number, where it can be one without losing digits. */
function exactNumber(text: string): unknown {
  return Number.isSafeInteger(Number(text)) ? Number(text) : text
}

function fields(path: string, facts: FileFacts): StatFields {
  if (!isPresent(facts)) return { exists: false }
  return {
    exists: true,
    path,
    isreg: facts.kind === 'file',
    isdir: facts.kind === 'directory',
    islnk: facts.kind === 'symlink',
    size: facts.sizeBytes,
    mode: facts.mode,
    pw_name: facts.user,
    gr_name: facts.group,
    uid: facts.uid,
    gid: facts.gid,
    mtime: seconds(facts.mtimeNs),
    inode: exactNumber(facts.inode),
    nlink: facts.hardLinks,
    ...(facts.target === undefined ? {} : { lnk_target: facts.target }),
  }
}

/** A file that the plan has only foretold cannot be hashed; one that cannot be read has no checksum. */
function foretoldChecksum(path: string, facts: FileFacts): Unknown | undefined {
  return isPresent(facts) && isOpen(facts.inode) ? new Unknown(`checksum of ${path}`) : undefined
}

type StatProbes = { readonly file: Probe<FileFacts>; readonly digest?: Probe<string | undefined> }

export const stat = defineModule({
  name: 'stat',
  summary: 'Look at a file or folder; changes nothing.',
  readOnly: true,
  args: Type.Object(
    {
      path: hostPath('What to look at.'),
      follow: Type.Optional(
        Type.Boolean({ default: false, description: 'Look at what a symlink leads to.' }),
      ),
      get_checksum: Type.Optional(
        Type.Boolean({
          default: true,
          description:
            'Return the sha256 of regular files; the step fails where one cannot be read.',
        }),
      ),
      checksum_algorithm: Type.Optional(
        Type.Enum(['sha256'], { description: 'Only sha256, as the repository has it.' }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object({ stat: statSchema }, { additionalProperties: false }),
  resources: ({ path }) => [`file:${withoutTrailingSlash(path)}`],
  inspect: ({ path, follow, get_checksum: checksum }): StatProbes => {
    const bare = withoutTrailingSlash(path)
    return {
      file: follow === true ? file(bare, { follow }) : file(bare),
      ...(checksum === false ? {} : { digest: sha256(bare) }),
    }
  },
  plan: ({ args, facts }) => {
    const seen = fields(args.path, facts.file)
    const hashed = args.get_checksum !== false && facts.file.kind === 'file'
    const checksum = facts.digest ?? foretoldChecksum(args.path, facts.file)
    const shown = hashed && checksum !== undefined ? { ...seen, checksum } : seen
    return { kind: 'unchanged', result: { stat: shown } }
  },
})
