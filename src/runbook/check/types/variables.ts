import { syntaxOf } from '../../../expression/compile.ts'
import type { Binding, Expression, Variables } from '../../../expression/contract.ts'
import { reservedNames } from '../../../modules/builtin/variables/reserved-names.ts'
import type { ModuleCatalogue } from '../../../modules/catalogue.ts'
import type { Inventory, Playbook, Task } from '../../contract.ts'
import { factsOf, layersOfPlay, layersOfTask, tasksOfPlay } from '../uses.ts'
import { typeOfBinding, typeOfTree } from './from-tree.ts'
import { infer } from './infer.ts'
import { magicTypes } from './magic.ts'
import { registeredResult } from './results.ts'
import { any, bool, closedMap, joinAll, listOf, number, type Type, text } from './type.ts'

/** Names that CEL takes for a type or a library, unless a variable is meant. */
const celNames = new Set([
  'bool',
  'bytes',
  'cel',
  'double',
  'google',
  'int',
  'list',
  'map',
  'null_type',
  'optional',
  'string',
  'type',
  'uint',
])

/** Types of variables wherever they are read: the same for all hosts, or `any`. */
export interface VariableTypes {
  of(name: string): Type
  /** The type of an expression in which some names mean something else. */
  ofExpression(expression: Expression, around?: ReadonlyMap<string, Type>): Type
  /** What a task loops over, one of it. */
  elementOf(task: Task, around?: ReadonlyMap<string, Type>): Type
  /** Fields that may be missing, because something asks for them. */
  readonly asked: ReadonlySet<string>
}

/** What types are told from. Without an inventory its variables may be anything. */
export interface TypeSources {
  readonly playbook: Playbook
  readonly inventory: Inventory | undefined
  readonly extraVars: Variables
  readonly catalogue: ModuleCatalogue
  /** Of all expressions there are. */
  readonly sources: readonly string[]
}

/**
 * The types of variables. Everything that gives a name its value is taken together, whichever would
 * win: where all have one type, it is certain.
 */
export function variableTypes(given: TypeSources): VariableTypes {
  const { playbook, extraVars, catalogue } = given
  const tasks = playbook.plays.flatMap(tasksOfPlay)
  const asked = askedFields(given.sources)
  const definitions = definitionsOf(given, tasks)
  const loops = new Set(
    tasks.flatMap(({ loop, loopControl: { loopVar, indexVar } }) =>
      loop === undefined ? [] : [loopVar, indexVar ?? ''],
    ),
  )
  const known = new Map<string, Type>()

  function of(name: string): Type {
    if (loops.has(name)) return any
    const found = known.get(name)
    if (found !== undefined) return found
    // While it is looked at, what needs it says nothing.
    known.set(name, any)
    const type = looked(name)
    known.set(name, type)
    return type
  }

  function looked(name: string): Type {
    if (reservedNames.includes(name)) return magicTypes.get(name) ?? any
    const makers = definitions.get(name) ?? []
    return joinAll(makers.map(make => make()))
  }

  function ofExpression(
    expression: Expression,
    around: ReadonlyMap<string, Type> = new Map(),
  ): Type {
    if (isOpen(expression)) return any
    const typeOf = (name: string) =>
      isVariable(expression, name) ? (around.get(name) ?? of(name)) : any
    return infer(syntaxOf(expression), { typeOf, asked, report: () => undefined })
  }

  function elementOf(task: Task, around?: ReadonlyMap<string, Type>): Type {
    if (task.loop === undefined) return any
    const list = typeOfTree(task.loop, each => ofExpression(each, around))
    return list.kind === 'list' ? list.element : any
  }

  function definitionsOf(
    { inventory }: TypeSources,
    all: readonly Task[],
  ): ReadonlyMap<string, (() => Type)[]> {
    const made = new Map<string, (() => Type)[]>()
    const add = (name: string, make: () => Type) => {
      const makers = made.get(name)
      if (makers === undefined) made.set(name, [make])
      else makers.push(make)
    }
    const addLayer = (layer: Variables, openly = false) => {
      for (const [name, binding] of layer) add(name, () => (openly ? any : ofBinding(binding)))
    }
    const hosts = [...(inventory?.hosts.values() ?? []), ...(inventory?.implicit?.values() ?? [])]
    for (const layer of new Set(hosts.flatMap(host => host.variables))) addLayer(layer)
    addLayer(extraVars)
    for (const play of playbook.plays) {
      for (const layer of layersOfPlay(play)) {
        // An inventory that is not known may say otherwise.
        addLayer(layer, inventory === undefined && play.roleDefaults?.includes(layer))
      }
      for (const { name } of play.prompts ?? []) add(name, () => text)
    }
    for (const layer of new Set(all.flatMap(layersOfTask))) addLayer(layer)
    for (const task of all) {
      if (task.register !== undefined) {
        add(task.register, () => registeredResult(task, any, catalogue))
      }
      for (const [name, tree] of factsOf(task)) add(name, () => ofBinding({ tree }))
    }
    return made
  }

  const ofBinding = (binding: Binding) => typeOfBinding(binding, each => ofExpression(each))
  return Object.freeze({ of, ofExpression, elementOf, asked })
}

/** False for `string` and `list` where these are types or functions to CEL. */
export function isVariable({ roots }: Expression, name: string): boolean {
  return roots.has(name) || !celNames.has(name)
}

/** An expression that asks for types itself knows better. */
export function isOpen({ source }: Expression): boolean {
  return /\btype\s*\(/.test(source)
}

/** `default(a.b, 1)`, `has(a.b)`, `defined(a.b)`, `"b" in a`: the field b may be missing. */
function askedFields(sources: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (const source of sources) {
    for (const [, inner = ''] of source.matchAll(/\b(?:default|defined|has)\s*\(([^()]*)/g)) {
      for (const [, name = ''] of inner.matchAll(/[.\]?]\s*([A-Za-z_]\w*)/g)) names.add(name)
    }
    for (const [, name = ''] of source.matchAll(/["']([A-Za-z_]\w*)["']\s+in\b/g)) names.add(name)
    for (const [, name = ''] of source.matchAll(/\.\?([A-Za-z_]\w*)/g)) names.add(name)
  }
  return names
}

/** What the loop of a task gives to its items. */
export function loopTypes(task: Task, element: Type): ReadonlyMap<string, Type> {
  const { loopVar, indexVar, extended } = task.loopControl
  if (task.loop === undefined) return new Map()
  return new Map<string, Type>([
    [loopVar, element],
    ['ansible_loop_var', text],
    ...(indexVar === undefined
      ? []
      : ([
          [indexVar, number],
          ['ansible_index_var', text],
        ] as const)),
    ...(extended === true ? ([['ansible_loop', extendedLoop(element)]] as const) : []),
  ])
}

function extendedLoop(element: Type): Type {
  const numbers = ['index', 'index0', 'length', 'revindex', 'revindex0']
  return closedMap(
    new Map<string, Type>([
      ...numbers.map(name => [name, number] as const),
      ['first', bool],
      ['last', bool],
      ['previtem', element],
      ['nextitem', element],
      ['allitems', listOf(element)],
    ]),
  )
}
