import { didYouMean } from '../../base/text.ts'
import type { Tree } from '../../expression/contract.ts'
import { hostOrders, type Play, strategies } from '../contract.ts'
import { compileValue } from '../inventory/variables.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { type Entry, fault, flagAt, type PlaybookContext } from './context.ts'
import { given } from './given.ts'
import { refuseComputed } from './numbers.ts'

type BatchKeywords = Pick<
  Play,
  'serial' | 'order' | 'strategy' | 'maxFailPercentage' | 'forceHandlers'
>

/** How a play goes through its hosts: how many at a time, in what order, and when it gives up. */
export function batchesAt(context: PlaybookContext, entry: Entry): BatchKeywords {
  const { order } = entry.value
  const computed = refuseComputed(context, entry, 'order')
  const force = entry.value['force_handlers']
  return given({
    serial: serialAt(context, entry),
    order: computed ? undefined : hostOrders.find(each => each === order),
    strategy: strategyAt(context, entry),
    maxFailPercentage: percentageAt(context, entry),
    forceHandlers:
      force === undefined ? undefined : flagAt(context, entry, 'force_handlers', false),
  })
}

/** `serial`: a number, a share of the hosts, or a list of them; one whole `{{ }}` may come to a list. */
function serialAt(context: PlaybookContext, entry: Entry): readonly Tree[] | undefined {
  const value = entry.value['serial']
  const path = [...entry.path, 'serial']
  if (value === undefined || value === null) return undefined
  const list: readonly (readonly [unknown, DocumentPath])[] = Array.isArray(value)
    ? value.map((item, index) => [item, [...path, index]])
    : [[value, path]]
  return list.flatMap(([item, at]) => {
    if (typeof item === 'string' && /^\s*\d+\s*$/.test(item)) return [Number(item)]
    const tree = compileValue(context.document, item, at, context.faults)
    return tree === undefined ? [] : [tree]
  })
}

function strategyAt(context: PlaybookContext, entry: Entry): Play['strategy'] | undefined {
  const value = entry.value['strategy']
  // Anything but a text was told by the schema of the keyword.
  if (typeof value !== 'string' || refuseComputed(context, entry, 'strategy')) return undefined
  const short = value.replace(/^ansible\.(builtin|legacy)\./, '')
  const strategy = strategies.find(each => each === short)
  if (strategy !== undefined) return strategy
  const path = [...entry.path, 'strategy']
  if (short === 'debug') {
    fault(context, 'the strategy "debug" is not supported', path, {
      hint: 'leave it out; bkp run --step asks before each task',
    })
    return undefined
  }
  fault(context, `there is no strategy "${value}"`, path, {
    hint: didYouMean(short, strategies) ?? `known: ${strategies.join(', ')}`,
  })
  return undefined
}

function percentageAt(context: PlaybookContext, entry: Entry): number | undefined {
  const key = 'max_fail_percentage'
  const value = entry.value[key]
  if (typeof value === 'number') return value
  // Other shapes were told by the schema of the keyword.
  if (typeof value !== 'string' || refuseComputed(context, entry, key)) return undefined
  const number = Number(value.trim().replace(/\s*%$/, ''))
  if (number <= 100) return number
  if (number > 100) fault(context, `"${key}" must be at most 100`, [...entry.path, key])
  return undefined
}
