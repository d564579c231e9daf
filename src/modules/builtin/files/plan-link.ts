import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Command } from '../../../connection/contract.ts'
import type { FileFacts } from '../../../connection/probes.ts'
import { allAttributes, attributeCommands } from './attributes.ts'
import { describe, isOpen, isPresent, knownPart } from './facts.ts'
import { foretellAttributes, foretellNew } from './foretell.ts'
import { planAttributes } from './plan-attributes.ts'
import { inTheWay, requireParent } from './plan-new.ts'
import { type FileAnswers, type FileDecision, type FileRequest, sourceFacts } from './request.ts'

/** Where the text of a link leads: relative ones start in the link's own folder. */
export function linkSource(path: string, src: string): string {
  return posix.resolve(posix.dirname(path), src)
}

/** @throws step.failed without src */
function sourceOf(request: FileRequest): string {
  if (request.src !== undefined) return request.src
  throw new BkpError('step.failed', 'a link needs src', { hint: 'say what it shall lead to: src' })
}

function missingSource(src: string): BkpError {
  return new BkpError('step.failed', `${src}, which the link shall lead to, does not exist`, {
    hint: 'correct src, or make the link all the same with force: true',
  })
}

/** `state: link`: attributes are those of what the link leads to, as in Ansible. */
export function planSymlink(request: FileRequest, facts: FileAnswers): FileDecision {
  const { path, wanted, force } = request
  const src = sourceOf(request)
  const { file } = facts
  const source = sourceFacts(facts)
  if (!isPresent(source) && !force) throw missingSource(linkSource(path, src))
  if (file.kind === 'symlink' && file.target === src) {
    if (!isPresent(source)) return { kind: 'unchanged', result: { path, src, ...describe(file) } }
    const attributes = planAttributes(request, facts, { as: 'source', facts: source })
    const result = { path, src, ...describe(file) }
    return attributes.kind === 'unchanged'
      ? { ...attributes, result }
      : { ...attributes, result: knownPart(result) }
  }
  requireParent(path, facts)
  refuseLoop(path, linkSource(path, src), source)
  const commands: Command[] = []
  const notes = [`leads to ${src}`]
  if (file.kind === 'symlink') notes[0] = `leads to ${src} instead of ${file.target}`
  else if (isPresent(file)) {
    if (!force || file.kind === 'other') throw refuse(path, file.kind)
    notes.push(`replaces the ${file.kind}`)
    // rmdir refuses a folder that is not empty, should something come into it meanwhile.
    if (file.kind === 'directory' && facts.inside?.stdout !== '') throw notEmpty(path)
    if (file.kind === 'directory') commands.push({ argv: ['rmdir', '--', path] })
  }
  commands.push({ argv: ['ln', '-sfn', '--', src, path] })
  if (isPresent(source)) commands.push(...attributeCommands(path, wanted, allAttributes(wanted)))
  const foretold = foretellNew('symlink', {
    wanted: { mode: '0777' },
    target: src,
    sizeBytes: Buffer.byteLength(src),
  })
  const target = isPresent(source) ? foretellAttributes(source, wanted) : source
  return {
    kind: 'change',
    changes: [
      {
        action: isPresent(file) ? 'update' : 'create',
        target: path,
        commands,
        notes,
        ...(file.kind === 'file' ? { destructive: true } : {}),
      },
    ],
    after: { file: foretold, followed: target, source: target },
    result: knownPart({ path, src, ...describe(foretold) }),
  }
}

/** `state: hard`: one more name of the same file. */
export function planHardLink(request: FileRequest, facts: FileAnswers): FileDecision {
  const { path, wanted, force } = request
  const src = linkSource(path, sourceOf(request))
  const { file } = facts
  const source = sourceFacts(facts)
  if (!isPresent(source)) throw missingSource(src)
  if (source.kind !== 'file') throw inTheWay(src, source, 'a file')
  if (isPresent(file) && file.kind !== 'file' && file.kind !== 'symlink') {
    throw inTheWay(path, file, 'a file')
  }
  // Two names of one file that the plan has made have the same inode, although nobody knows it yet.
  const unsure =
    isPresent(file) && file.inode !== source.inode && (isOpen(file.inode) || isOpen(source.inode))
  // The facts hold no device: names of one inode agree in all the rest, too.
  const same =
    file.kind === 'file' &&
    file.inode === source.inode &&
    (isOpen(file.hardLinks) || file.hardLinks > 1) &&
    file.sizeBytes === source.sizeBytes
  if (same && !unsure) {
    const attributes = planAttributes(request, facts, { as: 'file', facts: file })
    const result = { path, src, ...describe(file) }
    return attributes.kind === 'unchanged' ? { ...attributes, result } : attributes
  }
  requireParent(path, facts)
  if (isPresent(file) && !force) throw refuse(path, file.kind)
  const more = { ...source, hardLinks: source.hardLinks + 1 }
  const foretold = foretellAttributes(isOpen(source.hardLinks) ? source : more, wanted)
  return {
    kind: 'change',
    changes: [
      {
        action: isPresent(file) ? 'update' : 'create',
        target: path,
        commands: [
          // -n: a symlink to a folder is replaced, not followed.
          { argv: ['ln', ...(isPresent(file) ? ['-fn'] : []), '--', src, path] },
          ...attributeCommands(path, wanted, allAttributes(wanted)),
        ],
        notes: [`another name of ${src}`],
        ...(file.kind === 'file' ? { destructive: true } : {}),
      },
    ],
    after: { file: foretold, followed: foretold, source: foretold },
    result: knownPart({ path, src, ...describe(foretold) }),
    ...(unsure ? { certainty: 'maybe' } : {}),
  }
}

/** `ln` refuses a link in place of what it leads to. */
function refuseLoop(path: string, place: string, source: FileFacts): void {
  const leadsBack =
    source.kind === 'symlink' &&
    source.target !== undefined &&
    linkSource(place, source.target) === path
  if (place !== path && !leadsBack) return
  throw new BkpError('step.failed', `${path} would be a link that leads to itself`, {
    hint: 'nothing was touched; correct src',
  })
}

function notEmpty(path: string): BkpError {
  return new BkpError('step.failed', `${path} is a folder that is not empty`, {
    hint: 'nothing was touched; remove it first if all in it may go: state: absent',
  })
}

function refuse(path: string, kind: string): BkpError {
  return new BkpError('step.failed', `${path} is a ${kind}: it is not turned into a link`, {
    hint: kind === 'other' ? 'remove it first' : 'replace it with force: true if it may go',
  })
}
