import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { Expression, Variables } from '../../expression/contract.ts'
import type { JsonSchema, ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Inventory, Playbook, Task } from '../contract.ts'
import {
  expressionsOfPlay,
  expressionsOfTask,
  layersOfPlay,
  layersOfTask,
  tasksOfPlay,
  withoutTexts,
} from './uses.ts'

/** What every registered result may have, besides what its module returns. */
const commonFields: readonly string[] = [
  'ansible_facts',
  'attempts',
  'changed',
  'cmd',
  'delta',
  'diff',
  'end',
  'exception',
  'failed',
  'msg',
  'rc',
  'results',
  'skip_reason',
  'skipped',
  'start',
  'stderr',
  'stderr_lines',
  'stdout',
  'stdout_lines',
  'unreachable',
  'warnings',
]

/** The fields of a closed schema of results; undefined for an open one. */
function closedFields(returns: JsonSchema): readonly string[] | undefined {
  const { properties, additionalProperties } = returns
  if (additionalProperties !== false || !isRecord(properties)) return undefined
  return Object.keys(properties)
}

/** Names that something else than one `register` defines, so that their fields are not known. */
function otherNames(
  playbook: Playbook,
  inventory: Inventory,
  extraVars: Variables,
  tasks: readonly Task[],
): ReadonlySet<string> {
  const hosts = [...inventory.hosts.values(), ...(inventory.implicit?.values() ?? [])]
  const layers = [
    ...new Set(hosts.flatMap(host => host.variables)),
    extraVars,
    ...playbook.plays.flatMap(layersOfPlay),
    ...new Set(tasks.flatMap(layersOfTask)),
  ]
  const facts = tasks.flatMap(task =>
    task.module === 'set_fact' && isRecord(task.args) ? Object.keys(task.args) : [],
  )
  const loops = tasks.flatMap(({ loopControl }) => [
    loopControl.loopVar,
    loopControl.indexVar ?? '',
  ])
  return new Set([...layers.flatMap(layer => [...layer.keys()]), ...facts, ...loops])
}

/** Registered names whose fields are all known, with those fields. */
function knownResults(
  playbook: Playbook,
  inventory: Inventory,
  extraVars: Variables,
  catalogue: ModuleCatalogue,
): ReadonlyMap<string, readonly string[]> {
  const tasks = playbook.plays.flatMap(tasksOfPlay)
  const others = otherNames(playbook, inventory, extraVars, tasks)
  const found = new Map<string, readonly string[]>()
  for (const task of tasks) {
    const name = task.register
    if (name === undefined || others.has(name) || task.loop !== undefined) continue
    if (tasks.filter(other => other.register === name).length > 1) continue
    const fields = closedFields(catalogue.get(task.module)?.returns ?? {})
    if (fields !== undefined) found.set(name, [...fields, ...commonFields])
  }
  return found
}

/** Variables that macros of the expression bind: `list.map(name, ...)`. */
function boundNames(source: string): ReadonlySet<string> {
  const macros = /\.(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,/g
  return new Set([...source.matchAll(macros)].flatMap(match => match[1] ?? []))
}

/**
 * Fields of registered results that the module does not return: `backup.pathz`. Only where it is
 * certain: registered once, without a loop, by a module whose results are all in its schema, and
 * read as `name.field` where no `default`, `defined` or `has` asks.
 */
export function unknownResultFields(
  playbook: Playbook,
  inventory: Inventory,
  extraVars: Variables,
  catalogue: ModuleCatalogue,
): readonly BkpError[] {
  const known = knownResults(playbook, inventory, extraVars, catalogue)
  const expressions = [
    ...playbook.plays.flatMap(expressionsOfPlay),
    ...playbook.plays.flatMap(play => tasksOfPlay(play).flatMap(expressionsOfTask)),
  ]
  return expressions.flatMap(expression => fieldFaults(expression, known))
}

function fieldFaults(
  expression: Expression,
  known: ReadonlyMap<string, readonly string[]>,
): readonly BkpError[] {
  if (/\b(?:default|defined|has)\s*\(/.test(expression.source)) return []
  const source = withoutTexts(expression.source)
  const bound = boundNames(source)
  const faults: BkpError[] = []
  for (const match of source.matchAll(/(?<![\w.)\]])([A-Za-z_]\w*)\.([A-Za-z_]\w*)(?!\w|\s*\()/g)) {
    const [, name = '', field = ''] = match
    const fields = bound.has(name) ? undefined : known.get(name)
    if (fields === undefined || fields.includes(field)) continue
    const start = match.index + name.length + 1
    const place = expression.placeOf?.(start, start + field.length)
    const own = fields.filter(each => !commonFields.includes(each))
    const hint =
      didYouMean(field, fields) ?? (own.length === 0 ? undefined : `known: ${own.join(', ')}`)
    faults.push(
      new BkpError('expression.invalid', `the result "${name}" has no field "${field}"`, {
        ...(hint === undefined ? {} : { hint }),
        ...(place === undefined ? {} : { place }),
      }),
    )
  }
  return faults
}
