import { posix } from 'node:path'
import type { TOptional, TString } from 'typebox'
import * as Type from 'typebox'
import type { Answers, Probe } from '../../../connection/contract.ts'
import { conditionCommand, exists, type FileFacts, file } from '../../../connection/probes.ts'

/** What decides, before a command is run, whether it has to be. */
export interface Guards {
  readonly chdir?: string
  readonly creates?: string
  readonly removes?: string
  readonly unless?: string
  readonly only_if?: string
}

type GuardAnswer = boolean | FileFacts

/** One question for each guard that is set. */
export type GuardProbes = {
  readonly creates?: Probe<GuardAnswer>
  readonly removes?: Probe<GuardAnswer>
  readonly unless?: Probe<boolean>
  readonly only_if?: Probe<boolean>
}

/** Arguments that command and shell share: where to run, and when not to. */
export const guardArguments: {
  readonly chdir: TOptional<TString>
  readonly creates: TOptional<TString>
  readonly removes: TOptional<TString>
  readonly unless: TOptional<TString>
  readonly only_if: TOptional<TString>
} = {
  chdir: Type.Optional(Type.String({ minLength: 1, description: 'The folder to run in.' })),
  creates: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'A path or glob; the command is not run where it exists. Relative ones start at chdir.',
    }),
  ),
  removes: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'A path or glob; the command is not run where it does not exist.',
    }),
  ),
  unless: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Shell text that only reads, run in a plan too; the command is not run where it succeeds.',
    }),
  ),
  only_if: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Shell text that only reads, run in a plan too; the command is run only where it succeeds.',
    }),
  ),
}

/** The same question that file and copy foretell the answer of, wherever the path is no glob. */
function presence(path: string, chdir: string | undefined): Probe<GuardAnswer> {
  const full = chdir === undefined || path.startsWith('/') ? path : posix.join(chdir, path)
  return /[*?[]/.test(full) ? exists(full) : file(full)
}

function holds(answer: GuardAnswer | undefined): boolean {
  return typeof answer === 'object' ? answer.kind !== 'absent' : answer === true
}

/** The questions that the guards ask of the host; none where nothing is guarded. */
export function guardProbes(guards: Guards): GuardProbes {
  const { chdir, creates, removes, unless, only_if: onlyIf } = guards
  const at = chdir === undefined ? {} : { cwd: chdir }
  return {
    ...(creates === undefined ? {} : { creates: presence(creates, chdir) }),
    ...(removes === undefined ? {} : { removes: presence(removes, chdir) }),
    ...(unless === undefined ? {} : { unless: conditionCommand(unless, at) }),
    ...(onlyIf === undefined ? {} : { only_if: conditionCommand(onlyIf, at) }),
  }
}

/**
 * What the guards look at: a path or what lies beside a glob, and with shell text whatever there is.
 */
export function guardResources({
  chdir,
  creates,
  removes,
  unless,
  only_if: onlyIf,
}: Guards): readonly string[] {
  const trees = [creates, removes].flatMap(path => {
    if (path === undefined) return []
    const full = chdir === undefined || path.startsWith('/') ? path : posix.join(chdir, path)
    if (!/[*?[]/.test(full)) return [`look:${full}`]
    return [`tree:${full.replace(/\/[^/]*[*?[].*$/s, '') || '/'}`]
  })
  return [...trees, ...(unless === undefined && onlyIf === undefined ? [] : ['host:'])]
}

/** Why the command need not run, or undefined when nothing speaks against it. */
export function whyNotRun(guards: Guards, facts: Answers<GuardProbes>): string | undefined {
  if (guards.creates !== undefined && holds(facts.creates)) return `${guards.creates} exists`
  if (guards.removes !== undefined && !holds(facts.removes)) {
    return `${guards.removes} does not exist`
  }
  if (guards.unless !== undefined && holds(facts.unless)) return `${guards.unless} succeeds`
  if (guards.only_if !== undefined && !holds(facts.only_if)) return `${guards.only_if} fails`
  return undefined
}

/** True when some guard decides: the plan is sure of it then. */
export function isGuarded(guards: Guards): boolean {
  return [guards.creates, guards.removes, guards.unless, guards.only_if].some(
    guard => guard !== undefined,
  )
}
