import * as Type from 'typebox'
import { byteText } from '../../base/byte-text.ts'
import { defineModule } from '../contract.ts'
import { type FindArguments, findRequest } from './finding/request.ts'
import {
  type Candidate,
  type FindAnswers,
  furtherQuestions,
  selected,
  treeQuestions,
} from './finding/search.ts'

const names = (description: string) =>
  Type.Unsafe<string | readonly string[]>({
    type: ['string', 'array'],
    items: { type: 'string', minLength: 1 },
    minLength: 1,
    minItems: 1,
    description,
  })
const flag = (description: string) => Type.Optional(Type.Boolean({ default: false, description }))
const amount = (units: string, description: string) =>
  Type.Optional(
    Type.Unsafe<string | number>({
      type: ['string', 'integer'],
      pattern: `^-?[0-9]+[${units}]?$`,
      description,
    }),
  )

function exactNumber(text: string): number | string {
  return Number.isSafeInteger(Number(text)) ? Number(text) : text
}

/** One thing found, by Ansible's names. */
function describeEntry({ path, entry }: Candidate, facts: FindAnswers): Record<string, unknown> {
  const { type } = entry
  const checksum = facts[`sha256 ${path}`]
  return {
    path,
    mode: entry.mode,
    isreg: type === 'file',
    isdir: type === 'directory',
    islnk: type === 'symlink',
    isblk: type === 'block',
    ischr: type === 'character',
    isfifo: type === 'fifo',
    issock: type === 'socket',
    size: entry.sizeBytes,
    uid: entry.uid,
    gid: entry.gid,
    pw_name: entry.user,
    gr_name: entry.group,
    atime: entry.accessedAt,
    mtime: entry.modifiedAt,
    ctime: entry.changedAt,
    inode: exactNumber(entry.inode),
    dev: exactNumber(entry.device),
    nlink: entry.hardLinks,
    ...(entry.target === undefined ? {} : { lnk_target: byteText(entry.target) }),
    ...(checksum === undefined ? {} : { checksum }),
  }
}

/** Why folders were not looked at, or not wholly. */
function skippedPaths(paths: readonly string[], facts: FindAnswers): Record<string, string> {
  const skipped: [string, string][] = []
  for (const path of paths) {
    const tree = facts[`tree ${path}`]
    if (tree === undefined || tree.kind === 'absent') skipped.push([path, 'it does not exist'])
    else if (tree.kind === 'other') skipped.push([path, 'it is no folder'])
    else if (tree.problems !== '') skipped.push([path, tree.problems])
  }
  return Object.fromEntries(skipped)
}

export const find = defineModule({
  name: 'find',
  summary: 'List the files and folders below some folders that fit what is asked; changes nothing.',
  readOnly: true,
  args: Type.Object(
    {
      paths: names('The folders to look in; text is a list separated by commas.'),
      patterns: Type.Optional(
        names(
          'Names that fit one of these count: * ? [a-z], or with use_regex regular expressions.',
        ),
      ),
      excludes: Type.Optional(names('Names that fit one of these do not count.')),
      use_regex: flag(
        'patterns and excludes are regular expressions that fit from the beginning of a name on.',
      ),
      recurse: flag('Look into folders below, too.'),
      depth: Type.Optional(
        Type.Integer({
          minimum: 1,
          description: 'With recurse: how deep; 1 is the folder itself.',
        }),
      ),
      file_type: Type.Optional(
        Type.Enum(['any', 'directory', 'file', 'link'], {
          default: 'file',
          description: 'What counts; symlinks are not followed.',
        }),
      ),
      size: amount(
        'bkmgtBKMGT',
        'Files of at least that size count, with a minus of at most that size: 10m, -1k.',
      ),
      age: amount(
        'smhdwSMHDW',
        'What is at least that old counts, with a minus what is at most that old: 2d, -1h; seconds ' +
          'without a unit, by the clock of the host.',
      ),
      age_stamp: Type.Optional(
        Type.Enum(['atime', 'ctime', 'mtime'], {
          default: 'mtime',
          description: 'What age is of.',
        }),
      ),
      hidden: flag('Names that begin with a dot count, too.'),
      contains: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'A regular expression that fits the beginning of some line of a file; syntax as in ' +
            'lineinfile. Files of at most 1 MiB, 16 MiB together.',
        }),
      ),
      read_whole_file: flag('contains fits anywhere in the whole content instead.'),
      get_checksum: flag('Return the sha256 of files.'),
      checksum_algorithm: Type.Optional(
        Type.Enum(['sha256'], { description: 'Only sha256, as the repository has it.' }),
      ),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, description: 'Return at most so many, the first by path.' }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      files: Type.Array(Type.Unsafe<Record<string, unknown>>({ type: 'object' }), {
        description:
          'What was found, by path: path, mode, isreg, isdir, islnk, size, uid, gid, pw_name, gr_name, ' +
          'atime, mtime, ctime, inode, dev, nlink, and lnk_target and checksum where there is one.',
      }),
      matched: Type.Integer({ description: 'How many there are in files.' }),
      examined: Type.Integer({ description: 'How many were looked at.' }),
      skipped_paths: Type.Unsafe<Record<string, string>>({
        type: 'object',
        description: 'Folders that could not be looked at, wholly or at all, and why.',
      }),
      msg: Type.String({ description: 'Whether all paths were examined.' }),
    },
    { additionalProperties: false },
  ),
  resources: (args: FindArguments) => findRequest(args).paths.map(path => `tree:${path}`),
  inspect: args => treeQuestions(findRequest(args)),
  inspectFurther: ({ args, facts }) => furtherQuestions(findRequest(args), facts),
  plan: ({ args, facts }) => {
    const request = findRequest(args)
    const files = selected(request, facts).map(each => describeEntry(each, facts))
    const skipped = skippedPaths(request.paths, facts)
    const examined = request.paths
      .map(path => facts[`tree ${path}`]?.entries.length ?? 0)
      .reduce((sum, count) => sum + count, 0)
    const whole = Object.keys(skipped).length === 0
    const msg = whole ? 'All paths examined.' : 'Not all paths were examined: see skipped_paths.'
    return {
      kind: 'unchanged',
      result: { files, matched: files.length, examined, skipped_paths: skipped, msg },
      ...(whole ? {} : { message: msg }),
    }
  },
})
