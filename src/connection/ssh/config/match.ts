import { configFault } from './fault.ts'
import { matchesPatterns } from './patterns.ts'
import type { ConfigLine } from './read-config.ts'

/** What Host and Match lines are held against. */
export interface Situation {
  /** The host as it was asked for. */
  readonly original: string
  /** Its name so far: what HostName made of it. */
  readonly host: string
  readonly user: string
  readonly localUser: string
  /** The second reading, which `Match final` asks for. */
  readonly isFinal: boolean
}

/** Whether a section counts; `unknown` names a criterion that only ssh itself can judge. */
export type Verdict =
  | { readonly kind: 'yes' | 'no' }
  | { readonly kind: 'unknown'; readonly criterion: string }

const yes: Verdict = { kind: 'yes' }
const no: Verdict = { kind: 'no' }

/**
 * Judges the line that begins a section.
 * @throws ssh.config_invalid for a Match line that ssh would not take either
 */
export function judgeSection(condition: ConfigLine | undefined, situation: Situation): Verdict {
  if (condition === undefined) return yes
  if (/^host$/i.test(condition.keyword)) {
    const name = situation.isFinal ? situation.host : situation.original
    return matchesPatterns(condition.words, name) ? yes : no
  }
  return judgeMatch(condition, situation)
}

/** True when a Match line asks for a second reading. */
export function wantsFinal(condition: ConfigLine | undefined): boolean {
  const isMatch = condition !== undefined && /^match$/i.test(condition.keyword)
  return isMatch && condition.words.some(word => /^!?final$/i.test(word))
}

function judgeMatch({ words, place }: ConfigLine, situation: Situation): Verdict {
  let unknown: string | undefined
  const rest = [...words]
  while (rest.length > 0) {
    const word = (rest.shift() ?? '').toLowerCase()
    const isNegated = word.startsWith('!')
    const criterion = isNegated ? word.slice(1) : word
    const holds = judgeCriterion(criterion, rest, situation, place)
    if (holds === undefined) unknown ??= criterion
    // One criterion that fails settles it, whatever the others would say.
    else if (holds === isNegated) return no
  }
  return unknown === undefined ? yes : { kind: 'unknown', criterion: unknown }
}

function judgeCriterion(
  criterion: string,
  rest: string[],
  situation: Situation,
  place: string,
): boolean | undefined {
  if (criterion === 'all') return true
  if (criterion === 'final' || criterion === 'canonical') return situation.isFinal
  const argument = rest.shift()
  if (argument === undefined) throw configFault(place, `Match ${criterion} needs a value`)
  const patterns = argument.split(',')
  switch (criterion) {
    case 'host':
      return matchesPatterns(patterns, situation.host)
    case 'originalhost':
      return matchesPatterns(patterns, situation.original)
    case 'user':
      return matchesPatterns(patterns, situation.user)
    case 'localuser':
      return matchesPatterns(patterns, situation.localUser)
    default:
      return undefined
  }
}
