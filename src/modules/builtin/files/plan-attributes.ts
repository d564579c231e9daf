import type { Change } from '../../contract.ts'
import {
  allAttributes,
  attributeCommands,
  attributesDiff,
  attributeWords,
  compareAttributes,
} from './attributes.ts'
import { describe, knownPart, type PresentFacts } from './facts.ts'
import { foretellAttributes } from './foretell.ts'
import type { FileAnswers, FileDecision, FileRequest } from './request.ts'

/** A `find` that prints the first path below that lacks the attributes; links are left alone. */
export function strayWords(request: FileRequest): readonly string[] {
  const { mode, owner, group } = request.wanted
  const tests = [
    ...(mode === undefined ? [] : ['-o', '!', '-perm', mode]),
    ...(owner === undefined ? [] : ['-o', '!', '-user', String(owner)]),
    ...(group === undefined ? [] : ['-o', '!', '-group', String(group)]),
  ]
  return ['find', request.path, '!', '-type', 'l', '(', ...tests.slice(1), ')', '-print', '-quit']
}

/** The first path that differs; where `find` could not tell, the folder itself is taken for one. */
function strayOf(request: FileRequest, { stray }: FileAnswers): string {
  if (stray === undefined) return ''
  return stray.code === 0 ? stray.stdout.trimEnd() : request.path
}

/** One change for everything below a folder, if anything there lacks the attributes. */
function recursiveChange(request: FileRequest, stray: string): readonly Change[] {
  if (stray === '') return []
  const commands = attributeWords(request.wanted, allAttributes(request.wanted)).map(words => ({
    argv: ['find', request.path, '!', '-type', 'l', '-exec', ...words, '{}', '+'],
  }))
  return [
    {
      action: 'update',
      target: request.path,
      commands,
      notes: [`everything below that differs, first of all ${stray}`],
    },
  ]
}

/** Something is there and stays: only its mode, owner and group are compared. */
export function planAttributes(
  request: FileRequest,
  facts: FileAnswers,
  seen: { readonly as: 'file' | 'followed' | 'source'; readonly facts: PresentFacts },
): FileDecision {
  const difference = compareAttributes(seen.facts, request.wanted)
  const foretold = foretellAttributes(seen.facts, request.wanted)
  const own: readonly Change[] =
    difference.notes.length === 0
      ? []
      : [
          {
            action: 'update',
            target: request.path,
            commands: attributeCommands(request.path, request.wanted, difference),
            notes: difference.notes,
            diff: attributesDiff(seen.facts, foretold),
          },
        ]
  const below = recursiveChange(request, strayOf(request, facts))
  // `find` starts at the path itself, so one sweep does for both.
  const [first, ...rest] = below.length === 0 ? own : [...own.map(withoutCommands), ...below]
  const described = { path: request.path, ...describe(seen.facts) }
  if (first === undefined) return { kind: 'unchanged', result: described }
  return {
    kind: 'change',
    changes: [first, ...rest],
    after: {
      ...seenAfter(seen.as, foretold),
      ...(request.recurse ? { stray: { code: 0, stdout: '', stderr: '' } } : {}),
    },
    result: knownPart({ path: request.path, ...describe(foretold) }),
    ...(difference.unsure && below.length === 0 ? { certainty: 'maybe' } : {}),
  }
}

/** One file under all the names by which it is asked for. */
export function seenAfter(
  as: 'file' | 'followed' | 'source',
  facts: PresentFacts,
): Partial<FileAnswers> {
  return as === 'followed' ? { followed: facts } : { [as]: facts, followed: facts }
}

function withoutCommands({ commands: _left, ...change }: Change): Change {
  return change
}
