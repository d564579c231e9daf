import { BkpError } from '../../../base/errors.ts'
import type { Command } from '../../../connection/contract.ts'
import type { FileFacts } from '../../../connection/probes.ts'
import type { Change } from '../../contract.ts'
import { ancestorsOf, refuseAbove } from './above.ts'
import { allAttributes, attributeCommands, attributeWords } from './attributes.ts'
import { describe, knownPart, type PresentFacts } from './facts.ts'
import { foretellAttributes, foretellNew } from './foretell.ts'
import { planAttributes, seenAfter } from './plan-attributes.ts'
import { type FileAnswers, type FileDecision, type FileRequest, reached } from './request.ts'

function made(
  request: FileRequest,
  foretold: PresentFacts,
  plan: { readonly commands: readonly Command[]; readonly notes: readonly string[] },
  above: Readonly<Record<`/${string}`, FileFacts>> = {},
): FileDecision {
  const change: Change = {
    action: 'create',
    target: request.path,
    commands: plan.commands,
    ...(plan.notes.length === 0 ? {} : { notes: plan.notes }),
  }
  return {
    kind: 'change',
    changes: [change],
    // A path that is no link is reached through itself.
    after: { ...above, file: foretold, followed: foretold },
    result: knownPart({ path: request.path, ...describe(foretold) }),
  }
}

function wantedNotes({ wanted }: FileRequest): readonly string[] {
  return [
    ...(wanted.mode === undefined ? [] : [`mode ${wanted.mode}`]),
    ...(wanted.owner === undefined ? [] : [`owner ${wanted.owner}`]),
    ...(wanted.group === undefined ? [] : [`group ${wanted.group}`]),
  ]
}

/** `state: directory`: makes the folder and those above it; each that is made gets the attributes. */
export function planDirectory(request: FileRequest, facts: FileAnswers): FileDecision {
  const { path, wanted } = request
  const { as, facts: seen } = reached(facts)
  if (seen.kind === 'directory') return planAttributes(request, facts, { as, facts: seen })
  if (facts.file.kind !== 'absent') throw inTheWay(path, facts.file, 'a folder')
  refuseAbove(path, facts)
  const missing = ancestorsOf(path).filter(ancestor => facts[ancestor]?.kind === 'absent')
  const foretold = foretellNew('directory', { wanted })
  const attributes = attributeWords(wanted, allAttributes(wanted))
  return made(
    request,
    foretold,
    {
      commands: [
        { argv: ['mkdir', '-p', '--', path] },
        ...attributes.map(words => ({ argv: [...words, ...missing, path] })),
      ],
      notes: [...wantedNotes(request), ...missing.map(ancestor => `makes ${ancestor} too`)],
    },
    Object.fromEntries(missing.map(ancestor => [ancestor, foretold])),
  )
}

/** `state: touch`: an empty file where nothing is; otherwise its times become now. */
export function planTouch(request: FileRequest, facts: FileAnswers): FileDecision {
  const { path, wanted, touch } = request
  const { as, facts: seen } = reached(facts)
  if (seen.kind === 'absent') {
    requireParent(path, facts)
    const commands = [
      { argv: ['touch', '--', path] },
      ...attributeCommands(path, wanted, allAttributes(wanted)),
    ]
    const foretold = foretellNew('file', { wanted, sizeBytes: 0 })
    if (as === 'file') return made(request, foretold, { commands, notes: wantedNotes(request) })
    const notes = ['what the symlink leads to', ...wantedNotes(request)]
    const decision = made(request, foretold, { commands, notes })
    return { ...decision, ...(decision.kind === 'change' ? { after: { followed: foretold } } : {}) }
  }
  const kept = planAttributes(request, facts, { as, facts: seen })
  if (!touch.access && !touch.modification) return kept
  const which = touch.access && touch.modification ? [] : touch.access ? ['-a'] : ['-m']
  const times: Change = {
    action: 'update',
    target: path,
    commands: [{ argv: ['touch', ...which, '--', path] }],
    notes: ['its times become now'],
  }
  const before = foretellAttributes(seen, wanted)
  const fresh = foretellNew(seen.kind === 'directory' ? 'directory' : 'file', { wanted })
  const foretold = touch.modification ? { ...before, mtimeNs: fresh.mtimeNs } : before
  return {
    kind: 'change',
    changes: kept.kind === 'change' ? [...kept.changes, times] : [times],
    after: { ...(kept.kind === 'change' ? kept.after : {}), ...seenAfter(as, foretold) },
    result: knownPart({ path, ...describe(foretold) }),
  }
}

/** @throws step.failed when the folder a path is to be made in is not there */
export function requireParent(path: string, facts: FileAnswers): void {
  const parent = ancestorsOf(path).at(-1)
  if (parent === undefined || facts[parent]?.kind !== 'absent') {
    refuseAbove(path, facts)
    return
  }
  throw new BkpError('step.failed', `${path} cannot be made: there is no folder ${parent}`, {
    hint: `make it first: file: { path: ${parent}, state: directory }`,
  })
}

/** The error of a path where something of another kind is. */
export function inTheWay(path: string, facts: FileFacts, wanted: string): BkpError {
  return new BkpError('step.failed', `${path} is a ${facts.kind}, not ${wanted}`, {
    hint: 'nothing was touched; remove it first if it may go: state: absent',
  })
}
