import type { Node } from './ast.ts'
import { callOf, childrenOf, nameOf } from './ast.ts'

/** Names that mean a type or a library to CEL, unless a variable is meant. */
const typeNames = new Set([
  'bool',
  'bytes',
  'double',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'type',
  'uint',
])
const libraries = new Set(['cel', 'google', 'optional'])

/** The macros that bind a variable: `list.map(variable, expression)`. */
export const macros: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map'])

/** The variables of an expression. */
export interface FreeNames {
  readonly roots: ReadonlySet<string>
  /** Variables whose names CEL would take for types: `list`, `type`, `map`. */
  readonly disguised: readonly Node[]
}

interface Place {
  readonly bound: ReadonlySet<string>
  readonly into: Set<string>
  /** Compared with `type(x)`: names of types are meant. */
  readonly types: boolean
}

/**
 * The free variables of a tree. Left out: variables that macros bind, the first argument of
 * `default`, and whatever `defined` asks about anywhere (`defined(x) && x > 1`).
 */
export function freeNames(root: Node): FreeNames {
  const asked = new Set<string>()
  const disguised: Node[] = []

  function walk(node: Node, place: Place): void {
    const name = nameOf(node)
    if (name !== undefined) {
      if (place.bound.has(name) || (place.types && typeNames.has(name))) return
      if (typeNames.has(name) || libraries.has(name)) disguised.push(node)
      place.into.add(name)
      return
    }
    const call = callOf(node)
    if (call !== undefined) {
      walkCall(node, call, place)
      return
    }
    const test = isTypeTest(node)
    for (const child of childrenOf(node)) {
      const types = place.types || (test && !isTypeCall(child))
      if (!isLibrary(child, node)) walk(child, { ...place, types })
    }
  }

  function walkCall(node: Node, call: NonNullable<ReturnType<typeof callOf>>, place: Place): void {
    const { name, receiver, args } = call
    const [first, ...rest] = args
    const variable = nameOf(first)
    if (receiver !== undefined && variable !== undefined && rest.length > 0) {
      const within = { ...place, bound: new Set([...place.bound, variable]) }
      if (macros.has(name)) {
        walk(receiver, place)
        for (const body of rest) walk(body, within)
        return
      }
      if (name === 'bind' && nameOf(receiver) === 'cel') {
        for (const [index, inner] of rest.entries()) walk(inner, index === 0 ? place : within)
        return
      }
    }
    for (const [index, child] of childrenOf(node).entries()) {
      if (child === receiver && libraries.has(nameOf(child) ?? '')) continue
      if (receiver === undefined && name === 'defined') walk(child, { ...place, into: asked })
      else if (receiver === undefined && name === 'default' && index === 0) {
        walk(child, { ...place, into: new Set() })
      } else walk(child, place)
    }
  }

  const needed = new Set<string>()
  walk(root, { bound: new Set(), into: needed, types: false })
  return { roots: new Set([...needed].filter(name => !asked.has(name))), disguised }
}

/** `type(x) == string`, `type(x) in [int, double]`. */
function isTypeTest(node: Node): boolean {
  if (!['==', '!=', 'in'].includes(node.op)) return false
  return childrenOf(node).some(isTypeCall)
}

function isTypeCall(node: Node): boolean {
  const call = callOf(node)
  return call?.name === 'type' && call.receiver === undefined
}

/** `google.protobuf.Timestamp`. */
function isLibrary(child: Node, parent: Node): boolean {
  if (nameOf(child) !== 'google' || parent.op !== '.') return false
  return Array.isArray(parent.args) && parent.args[1] === 'protobuf'
}

/** What no CEL name begins with. */
const disguise = '$'

/** Renames the variables that CEL would take for its types, so that it looks them up. */
export function disguiseVariables(nodes: readonly Node[]): void {
  for (const node of nodes) node.args = `${disguise}${nameOf(node)}`
}

/** The name a variable has outside. */
export function undisguised(name: string): string {
  return name.startsWith(disguise) ? name.slice(disguise.length) : name
}
