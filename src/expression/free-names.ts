import type { Node } from './ast.ts'
import { callOf, childrenOf, nameOf } from './ast.ts'

/** CEL's own words, which are no variables. */
export const celWords: ReadonlySet<string> = new Set([
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

const macros = new Set(['all', 'exists', 'exists_one', 'filter', 'map'])

/** The variables of an expression: those it needs, and those it only asks for. */
export interface FreeNames {
  readonly roots: ReadonlySet<string>
  /** Words of CEL read as values; a variable of that name would never be seen. */
  readonly words: ReadonlySet<string>
}

/**
 * The free variables of a tree. Left out: variables that macros bind, the first argument of
 * `default`, and whatever `defined` asks about anywhere (`defined(x) && x > 1`).
 */
export function freeNames(root: Node): FreeNames {
  const needed = new Set<string>()
  const asked = new Set<string>()
  const words = new Set<string>()

  function walk(node: Node, bound: ReadonlySet<string>, into: Set<string>): void {
    const name = nameOf(node)
    if (name !== undefined) {
      if (bound.has(name)) return
      if (celWords.has(name)) words.add(name)
      else into.add(name)
      return
    }
    const call = callOf(node)
    if (call === undefined) {
      for (const child of childrenOf(node)) walk(child, bound, into)
      return
    }
    const variable = nameOf(call.args[0])
    const binds = call.receiver !== undefined && call.args.length > 1 && variable !== undefined
    if (binds && macros.has(call.name)) {
      if (call.receiver !== undefined) walk(call.receiver, bound, into)
      for (const inner of call.args.slice(1)) walk(inner, new Set([...bound, variable]), into)
      return
    }
    if (binds && call.name === 'bind' && nameOf(call.receiver) === 'cel') {
      const [, value, body] = call.args
      if (value !== undefined) walk(value, bound, into)
      if (body !== undefined) walk(body, new Set([...bound, variable]), into)
      return
    }
    const asking = call.receiver === undefined ? call.name : ''
    for (const [index, child] of childrenOf(node).entries()) {
      if (asking === 'defined') walk(child, bound, asked)
      else if (asking === 'default' && index === 0) walk(child, bound, new Set())
      else walk(child, bound, into)
    }
  }

  walk(root, new Set(), needed)
  return { roots: new Set([...needed].filter(name => !asked.has(name))), words }
}
