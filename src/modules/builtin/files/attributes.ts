import type { TOptional, TString, TUnsafe } from 'typebox'
import * as Type from 'typebox'
import type { Command } from '../../../connection/contract.ts'
import { fileMode } from '../../arguments.ts'
import { isOpen, normalMode, type PresentFacts } from './facts.ts'

/** What a file shall be besides its content; what is left out stays as it is. */
export interface Attributes {
  readonly mode?: string
  readonly owner?: string | number
  readonly group?: string | number
}

/** A user or group by name or number. */
function principalName(description: string): TUnsafe<string | number> {
  return Type.Unsafe<string | number>({
    type: ['string', 'integer'],
    pattern: '^[A-Za-z0-9_][A-Za-z0-9_.@\\\\-]*[$]?$',
    minimum: 0,
    description,
  })
}

/** Arguments that file and copy share. */
export const attributeArguments: {
  readonly mode: TOptional<TString>
  readonly owner: TOptional<TUnsafe<string | number>>
  readonly group: TOptional<TUnsafe<string | number>>
} = {
  mode: Type.Optional(fileMode()),
  owner: Type.Optional(principalName('The user that shall own it, by name or number.')),
  group: Type.Optional(principalName('The group that shall own it, by name or number.')),
}

/** How a file differs from what is wanted of it. */
export interface AttributeDifference {
  /** `mode 0644 -> 0600`, one a line. */
  readonly notes: readonly string[]
  readonly owner: boolean
  readonly group: boolean
  readonly mode: boolean
  /** True when a difference is only possible: an earlier step of the plan left the fact unknown. */
  readonly unsure: boolean
}

function shownPrincipal(name: string, id: number): string {
  return String(name === '' ? id : name)
}

/** Compares what is there with what is wanted; only what is wanted is compared. */
export function compareAttributes(facts: PresentFacts, wanted: Attributes): AttributeDifference {
  const notes: string[] = []
  let unsure = false
  const differs = (what: string, actual: unknown, asked: unknown, shown: string): boolean => {
    if (actual === asked) return false
    if (isOpen(actual)) unsure = true
    notes.push(`${what} ${shown} -> ${String(asked)}`)
    return true
  }
  const principalDiffers = (
    what: string,
    asked: string | number | undefined,
    name: string,
    id: number,
  ): boolean => {
    if (asked === undefined) return false
    const shown = shownPrincipal(name, id)
    return /^\d+$/.test(String(asked))
      ? differs(what, id, Number(asked), shown)
      : differs(what, name, asked, shown)
  }
  const owner = principalDiffers('owner', wanted.owner, facts.user, facts.uid)
  const group = principalDiffers('group', wanted.group, facts.group, facts.gid)
  const mode =
    wanted.mode !== undefined &&
    differs('mode', facts.mode, normalMode(wanted.mode), String(facts.mode))
  return { notes, owner, group, mode, unsure }
}

/** What differs of mode, owner and group, as text, a line each. */
export function attributesDiff(
  before: PresentFacts,
  after: PresentFacts,
): { readonly before: string; readonly after: string } {
  const rows = (
    [
      ['mode', before.mode, after.mode],
      ['owner', before.user, after.user],
      ['group', before.group, after.group],
    ] as const
  ).filter(([, was, becomes]) => was !== becomes)
  const lines = (column: 1 | 2): string =>
    rows.map(row => `${row[0]}: ${isOpen(row[column]) ? '?' : row[column]}\n`).join('')
  return { before: lines(1), after: lines(2) }
}

/** `chown` and `chmod` words, run on a path or, with find, on many. */
export function attributeWords(
  wanted: Attributes,
  which: { readonly owner: boolean; readonly group: boolean; readonly mode: boolean },
): readonly (readonly string[])[] {
  const owner = which.owner ? String(wanted.owner) : ''
  const group = which.group ? String(wanted.group) : ''
  const moved = which.owner || which.group
  // Changing the owner clears setuid and setgid, so the mode is set again after it.
  const mode = wanted.mode !== undefined && (which.mode || moved)
  return [
    ...(which.owner ? [['chown', '--', group === '' ? owner : `${owner}:${group}`]] : []),
    ...(!which.owner && which.group ? [['chgrp', '--', group]] : []),
    // Five digits: with fewer, GNU chmod keeps the setgid bit of a directory.
    ...(mode ? [['chmod', '--', (wanted.mode ?? '').padStart(5, '0')]] : []),
  ]
}

/** The commands that give a path what is wanted of it. */
export function attributeCommands(
  path: string,
  wanted: Attributes,
  which: { readonly owner: boolean; readonly group: boolean; readonly mode: boolean },
): readonly Command[] {
  return attributeWords(wanted, which).map(words => ({ argv: [...words, path] }))
}

/** Everything that is wanted, for a path that has just been made. */
export function allAttributes(wanted: Attributes): {
  readonly owner: boolean
  readonly group: boolean
  readonly mode: boolean
} {
  return {
    owner: wanted.owner !== undefined,
    group: wanted.group !== undefined,
    mode: wanted.mode !== undefined,
  }
}
