import { type callOf, type Node, nameOf } from '../../../expression/ast.ts'
import { type Signature, signatures } from '../../../expression/compile.ts'
import { macros } from '../../../expression/free-names.ts'
import { type Infer, type Inference, requireBool } from './inference.ts'
import { any, bool, join, listOf, number, openMap, type Type, text } from './type.ts'

type Call = NonNullable<ReturnType<typeof callOf>>

/** The type of a call, telling of what is certain to fail in it. */
export function callType(node: Node, call: Call, inference: Inference, infer: Infer): Type {
  const { name, receiver, args } = call
  if (receiver === undefined) {
    if (name === 'default') return defaulted(args, inference, infer)
    if (name === 'defined' || name === 'has') return bool
    if (name === 'dyn') return dynamic(args, inference, infer)
  } else {
    if (nameOf(receiver) === 'cel' && name === 'bind') return bound(args, inference, infer)
    if (macros.has(name) && args.length > 1) return macro(name, receiver, args, inference, infer)
  }
  return ordinary(node, call, inference, infer)
}

/** What is asked for may be missing: nothing is told of it. */
function defaulted([wanted, fallback]: readonly Node[], inference: Inference, infer: Infer): Type {
  const quiet: Inference = { ...inference, report: () => undefined }
  const found = wanted === undefined ? any : infer(wanted, quiet)
  return fallback === undefined ? found : join(found, infer(fallback, inference))
}

function dynamic(args: readonly Node[], inference: Inference, infer: Infer): Type {
  for (const each of args) infer(each, inference)
  return any
}

function within(inference: Inference, name: string, type: Type): Inference {
  return { ...inference, typeOf: other => (other === name ? type : inference.typeOf(other)) }
}

function bound([variable, value, body]: readonly Node[], inference: Inference, infer: Infer): Type {
  const name = nameOf(variable)
  if (name === undefined || value === undefined || body === undefined) return any
  return infer(body, within(inference, name, infer(value, inference)))
}

/** `list.filter(x, ...)` and the like. */
function macro(
  name: string,
  receiver: Node,
  args: readonly Node[],
  inference: Inference,
  infer: Infer,
): Type {
  const [variable, ...bodies] = args
  const list = infer(receiver, inference)
  const bound = nameOf(variable)
  if (bound === undefined) return any
  if (list.kind !== 'any' && list.kind !== 'list' && list.kind !== 'map') {
    const message = `only lists and maps can be gone through, not a ${list.kind}`
    const hint = list.kind === 'string' ? 'make a list of its lines with lines(x)' : undefined
    inference.report({ node: receiver, message, hint })
  }
  const element = list.kind === 'list' ? list.element : list.kind === 'map' ? text : any
  const inner = within(inference, bound, element)
  const types = bodies.map(body => infer(body, inner))
  const [first] = bodies
  if (name === 'map') return listOf(types.at(-1) ?? any)
  if (first !== undefined) requireBool(first, types[0] ?? any, inner)
  if (name !== 'filter') return bool
  return list.kind === 'list' ? list : any
}

const kinds: Readonly<Record<string, Type>> = {
  string: text,
  Secret: text,
  int: number,
  uint: number,
  double: number,
  bool,
}

/** A type by CEL's name of it; undefined for those that no value of a playbook has. */
function typeNamed(name: string): Type | undefined {
  if (name.startsWith('list')) return listOf(name === 'list<string>' ? text : any)
  if (name.startsWith('map')) return openMap()
  if (['dyn', 'ast', 'A', 'T'].includes(name)) return any
  return kinds[name]
}

function takes(wanted: string, given: Type): boolean {
  if (given.kind === 'any') return true
  const type = typeNamed(wanted)
  return type !== undefined && (type.kind === 'any' || type.kind === given.kind)
}

function ordinary(node: Node, call: Call, inference: Inference, infer: Infer): Type {
  const { name, receiver } = call
  const self = receiver === undefined ? undefined : infer(receiver, inference)
  const args = call.args.map(each => infer(each, inference))
  const named = signatures.filter(
    each =>
      each.name === name &&
      (each.receiver === undefined) === (self === undefined) &&
      each.params.length === args.length,
  )
  // Names and numbers of arguments that no function has were told when it was compiled.
  if (named.length === 0 || named.some(({ params }) => params.includes('ast'))) return any
  const fits = ({ receiver: wanted, params }: Signature) =>
    (wanted === undefined || self === undefined || takes(wanted, self)) &&
    params.every((param, index) => takes(param, args[index] ?? any))
  const fitting = named.filter(fits)
  if (fitting.length === 0) {
    const shown = args.map(({ kind }) => (kind === 'any' ? '...' : kind)).join(', ')
    const called = self === undefined ? name : `${self.kind}.${name}`
    const message = `"${name}" cannot be called as ${called}(${shown})`
    inference.report({ node, message, hint: usage(name, named, self) })
  }
  const returned = new Set((fitting.length > 0 ? fitting : named).map(each => each.returns))
  const types = [...returned].map(each => typeNamed(each) ?? any)
  return types.reduce(join)
}

/** What it is for. */
function usage(name: string, named: readonly Signature[], self: Type | undefined): string {
  if (name === 'contains' && self?.kind === 'list') return 'look into a list with: x in list'
  const owners = named.map(each => (self === undefined ? each.params[0] : each.receiver) ?? '')
  const known = owners.flatMap(owner => typeNamed(owner)?.kind ?? [])
  return `it is for ${[...new Set(known)].join(', ')}`
}
