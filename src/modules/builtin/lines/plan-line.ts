import { byteText, textBytes } from '../../../base/byte-text.ts'
import { BkpError } from '../../../base/errors.ts'
import type { FileFacts } from '../../../connection/probes.ts'
import { PatternError } from '../../../expression/pattern-parser.ts'
import type { Decision } from '../../contract.ts'
import { checksumOf, planCopy } from '../copying/plan-copy.ts'
import type { CopyAnswers, CopyArguments } from '../copying/request.ts'
import { ancestorsOf } from '../files/above.ts'
import { isOpen, isPresent } from '../files/facts.ts'
import { type Edited, editLines } from './edit.ts'
import {
  fileLimitBytes,
  isHidden,
  type LineAnswers,
  type LineArguments,
  lineRequest,
  pathOf,
  reachedFacts,
} from './request.ts'

export interface LineResult {
  readonly path: string
  readonly msg: string
  readonly backup: string
  readonly found?: number
}

/** The file written as a whole: where, with what, and what is known of it. */
export interface LineWork {
  readonly edited: Edited
  readonly args: CopyArguments
  readonly facts: CopyAnswers
}

/** The bytes of the file; none where there is no file. @throws step.failed, file.unreadable */
function bytesOf(path: string, facts: LineAnswers): Uint8Array {
  const followed = reachedFacts(facts)
  if (!isPresent(followed)) return new Uint8Array()
  if (followed.kind !== 'file') {
    throw new BkpError('step.failed', `${path} is no regular file`, { hint: 'correct path' })
  }
  const read = facts.whole ?? facts.content
  if (read?.truncated === true) {
    throw new BkpError('step.failed', `${path} is larger than ${fileLimitBytes} bytes`, {
      hint: 'edit so large a file with a command made for it, such as sed -i',
    })
  }
  if (read !== undefined) return read.bytes
  if (followed.sizeBytes === 0) return new Uint8Array()
  const known = isOpen(followed.inode) ? 'what it will hold is not known yet' : 'it went away'
  throw new BkpError('step.failed', `${path} cannot be edited: ${known}`)
}

/** Where the file really is: a symlink stays, and what it leads to is written. */
function placeOf(path: string, facts: LineAnswers): string {
  if (facts.real === undefined) return path
  const { code, stdout } = facts.real
  if (code !== 0) throw new BkpError('step.failed', `${path} is a symlink that leads nowhere`)
  return stdout.replace(/\n$/, '')
}

/** What editing comes to, for plan and apply alike; undefined where there is no file to edit. */
export function workOf(args: LineArguments, facts: LineAnswers): LineWork | undefined {
  const path = pathOf(args)
  const request = lineRequest(args)
  const found = reachedFacts(facts)
  if (!isPresent(found)) {
    if (args.state === 'absent') return undefined
    if (args.create !== true || facts.file.kind === 'symlink') {
      throw new BkpError('step.failed', `there is no file ${path}`, {
        hint: 'create: true makes it',
      })
    }
  }
  const before = bytesOf(path, facts)
  let edited: Edited
  try {
    edited = editLines(byteText(before), request)
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown
    throw new BkpError('step.failed', `a pattern cannot be used: ${thrown.message}`, {
      cause: thrown,
    })
  }
  const place = placeOf(path, facts)
  const { mode, owner, group, backup, validate } = args
  return {
    edited,
    args: {
      dest: place,
      content: textBytes(edited.text),
      parents: true,
      hidden: isHidden(args),
      ...(mode === undefined ? {} : { mode }),
      ...(owner === undefined ? {} : { owner }),
      ...(group === undefined ? {} : { group }),
      ...(backup === undefined ? {} : { backup }),
      ...(validate === undefined ? {} : { validate }),
    },
    facts: {
      ...aboveIn(path, facts),
      file: found,
      digest: isPresent(found) ? checksumOf(before) : undefined,
      content: isPresent(found) ? { bytes: before, truncated: false } : undefined,
      parent: facts.parent,
    },
  }
}

/** What stands above the file, as copying asks for it. */
function aboveIn(path: string, facts: LineAnswers): Readonly<Record<`/${string}`, FileFacts>> {
  const entries = ancestorsOf(path).flatMap(above =>
    ([above, `${above}/`] as const).flatMap(name => {
      // Nothing is there where nothing was asked, whatever its type says.
      const fact: FileFacts | undefined = facts[name]
      return fact === undefined ? [] : [[name, fact] as const]
    }),
  )
  return Object.fromEntries(entries)
}

/** What the step returns. */
export function lineResult(args: LineArguments, work: LineWork, backup = ''): LineResult {
  const { msg, found } = work.edited
  const attributes = msg === '' ? 'owner, group or mode changed' : msg
  const counted = args.state === 'absent' ? { found } : {}
  return { path: pathOf(args), msg: attributes, backup, ...counted }
}

/** Pure. @throws step.failed */
export function planLine(
  args: LineArguments,
  facts: LineAnswers,
): Decision<LineAnswers, LineResult> {
  const path = pathOf(args)
  const work = workOf(args, facts)
  if (work === undefined) {
    const result = { path, msg: 'file not present', backup: '', found: 0 }
    return { kind: 'unchanged', result }
  }
  const decision = planCopy(work.args, work.facts, undefined)
  if (decision.kind === 'unchanged') {
    const { found } = work.edited
    const counted = args.state === 'absent' ? { found } : {}
    return { kind: 'unchanged', result: { path, msg: '', backup: '', ...counted } }
  }
  // The lines around it may be others by the time a plan is applied: what is approved is the edit.
  const { binding: _whole, ...planned } = decision
  const [change, ...others] = decision.changes
  const linked = facts.file.kind === 'symlink'
  const notes = [
    ...(work.edited.note === '' ? [] : [work.edited.note]),
    ...(linked ? [`through the symlink ${path}`] : []),
    ...(change.notes ?? []),
  ]
  const { file: foretold, parent, ...rest } = decision.after
  const result = lineResult(args, work)
  const { backup: _known, ...told } = result
  return {
    ...planned,
    changes: [{ ...change, ...(notes.length === 0 ? {} : { notes }) }, ...others],
    after: {
      // A symlink stays the symlink it is, and has no digest of its own.
      ...(foretold === undefined ? {} : linked ? { followed: foretold } : { file: foretold }),
      ...(linked ? {} : digestOf(rest)),
      ...(rest.content === undefined ? {} : { content: rest.content }),
      ...(facts.whole === undefined || work.edited.msg === ''
        ? {}
        : { whole: { bytes: textBytes(work.edited.text), truncated: false } }),
      ...(parent === undefined ? {} : { parent }),
    },
    result: args.backup === true ? told : result,
  }
}

function digestOf(after: { readonly digest?: string | undefined }): {
  readonly digest?: string
} {
  return after.digest === undefined ? {} : { digest: after.digest }
}
