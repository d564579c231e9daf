import { didYouMean } from '../../../base/text.ts'
import { callOf, childrenOf, type Node, nameOf } from '../../../expression/ast.ts'
import { callType } from './calls.ts'
import { type Inference, pathOf, requireBool } from './inference.ts'
import { any, bool, join, joinAll, listOf, number, openMap, type Type, text } from './type.ts'

/** The type of a tree, telling of what is certain to fail in it. */
export function infer(node: Node, inference: Inference): Type {
  const call = callOf(node)
  if (call !== undefined) return callType(node, call, inference, infer)
  switch (node.op) {
    case 'id':
      return inference.typeOf(nameOf(node) ?? '')
    case 'value':
      return constant(node.args)
    case 'list':
      return listOf(joinAll(childrenOf(node).map(child => infer(child, inference))))
    case 'map':
      return mapLiteral(node, inference)
    case '.':
    case '.?':
      return field(node, inference)
    case '[]':
    case '[?]':
      return element(node, inference)
    case '?:':
      return choice(node, inference)
    case '&&':
    case '||':
    case '!_':
      for (const child of childrenOf(node)) requireBool(child, infer(child, inference), inference)
      return bool
    default:
      return operation(node, inference)
  }
}

function constant(value: unknown): Type {
  if (typeof value === 'string') return text
  if (typeof value === 'number' || typeof value === 'bigint') return number
  return typeof value === 'boolean' ? bool : any
}

function mapLiteral(node: Node, inference: Inference): Type {
  const entries = childrenOf(node)
  const fields = new Map<string, Type>()
  for (let index = 0; index + 1 < entries.length; index += 2) {
    const [key, value] = [entries[index], entries[index + 1]]
    if (key === undefined || value === undefined) continue
    const type = infer(value, inference)
    if (key.op === 'value' && typeof key.args === 'string') fields.set(key.args, type)
    else infer(key, inference)
  }
  return openMap(fields)
}

function field(node: Node, inference: Inference): Type {
  const [inner, name] = node.args as readonly [Node, string]
  const type = infer(inner, inference)
  const found = fieldOf(type, name, node, inference)
  return node.op === '.' ? found : any
}

function fieldOf(type: Type, name: string, node: Node, inference: Inference): Type {
  const [inner] = node.args as readonly [Node]
  const range = { start: node.end - name.length, end: node.end }
  const what = pathOf(inner)
  const of = what === undefined ? 'this' : `"${what}"`
  if (type.kind === 'any') return any
  if (type.kind !== 'map') {
    const hint =
      type.kind === 'list'
        ? `take one of the list, such as ${what ?? 'list'}[0].${name}, or all: ${what ?? 'list'}.map(x, x.${name})`
        : undefined
    const message = `${of} is a ${type.kind}: it has no field "${name}"`
    inference.report({ node: range, message, hint })
    return any
  }
  const found = type.fields.get(name)
  if (found !== undefined) return found
  if (!type.closed || inference.asked.has(name) || node.op === '.?') return type.others
  const known = didYouMean(name, type.fields.keys()) ?? listed(type.shown ?? type.fields.keys())
  const hint = type.advice ?? known
  inference.report({ node: range, message: `${of} has no field "${name}"`, hint })
  return any
}

function listed(names: Iterable<string>): string {
  return `known: ${[...names].sort().join(', ')}`
}

function element(node: Node, inference: Inference): Type {
  const [container, index] = node.args as readonly [Node, Node]
  const type = infer(container, inference)
  const key = infer(index, inference)
  const optional = node.op === '[?]'
  if (type.kind === 'any') return any
  if (type.kind === 'map') {
    if (index.op !== 'value' || typeof index.args !== 'string') return any
    const known = type.fields.get(index.args)
    // What is written in brackets is often there to be computed one day: it is only looked up.
    return known === undefined || optional ? any : known
  }
  if (type.kind === 'list') {
    if (key.kind !== 'any' && key.kind !== 'number') {
      const message = `a list is indexed by a number, not by a ${key.kind}`
      inference.report({ node: index, message, hint: undefined })
    }
    return optional ? any : type.element
  }
  const path = pathOf(container)
  inference.report({
    node: container,
    message: `${path === undefined ? 'this' : `"${path}"`} is a ${type.kind}: it has no elements`,
    hint: type.kind === 'string' ? 'take a part of a text with substring(start, end)' : undefined,
  })
  return any
}

function choice(node: Node, inference: Inference): Type {
  const [condition, then, otherwise] = node.args as readonly [Node, Node, Node]
  requireBool(condition, infer(condition, inference), inference)
  return join(infer(then, inference), infer(otherwise, inference))
}

const ordering = new Set(['<', '<=', '>', '>='])
const arithmetic = new Set(['+', '-', '*', '/', '%'])

function operation(node: Node, inference: Inference): Type {
  const [left, right] = childrenOf(node)
  if (left === undefined) return any
  const a = infer(left, inference)
  if (right === undefined) return sign(node, a, inference)
  const b = infer(right, inference)
  if (node.op === 'in') return membership(right, b, inference)
  if (node.op === '==' || node.op === '!=') return equality(node, a, b, inference)
  if (!ordering.has(node.op) && !arithmetic.has(node.op)) return any
  if (a.kind === 'any' || b.kind === 'any') return ordering.has(node.op) ? bool : any
  if (works(node.op, a, b)) return ordering.has(node.op) ? bool : join(a, b)
  const message = `"${node.op}" does not work between ${a.kind} and ${b.kind}`
  inference.report({ node, message, hint: conversion(node.op, a, b) })
  return ordering.has(node.op) ? bool : any
}

function works(operator: string, { kind: a }: Type, { kind: b }: Type): boolean {
  if (a !== b) return false
  if (a === 'number') return true
  if (operator === '+') return a === 'string' || a === 'list'
  return ordering.has(operator) && (a === 'string' || a === 'bool')
}

function conversion(operator: string, { kind: a }: Type, { kind: b }: Type): string | undefined {
  const kinds = [a, b]
  if (!kinds.includes('string') || !kinds.includes('number')) return undefined
  return operator === '+'
    ? 'make a text of the other with string(x)'
    : 'make a number of the text with int(x) or double(x)'
}

function sign(node: Node, type: Type, inference: Inference): Type {
  if (node.op !== '-_') return any
  if (type.kind !== 'any' && type.kind !== 'number') {
    inference.report({ node, message: `"-" is for numbers, not a ${type.kind}`, hint: undefined })
  }
  return type.kind === 'number' ? number : any
}

function membership(right: Node, type: Type, inference: Inference): Type {
  if (type.kind === 'any' || type.kind === 'list' || type.kind === 'map') return bool
  const hint =
    type.kind === 'string'
      ? `look into a text with ${pathOf(right) ?? 'text'}.contains(x)`
      : undefined
  const message = `"in" needs a list or a map on its right, not a ${type.kind}`
  inference.report({ node: right, message, hint })
  return bool
}

function equality(node: Node, a: Type, b: Type, inference: Inference): Type {
  if (a.kind === 'any' || b.kind === 'any' || a.kind === b.kind) return bool
  const never = node.op === '==' ? 'never true' : 'always true'
  inference.report({
    node,
    message: `"${node.op}" between ${a.kind} and ${b.kind} is ${never}`,
    hint: sameKind(node, a, b),
  })
  return bool
}

/** How the two sides come to be of one kind, where one is written out. */
function sameKind(node: Node, a: Type, b: Type): string | undefined {
  const [left, right] = childrenOf(node)
  if (left === undefined || right === undefined) return undefined
  const [constantNode, other, kind] =
    left.op === 'value' ? [left, right, b.kind] : [right, left, a.kind]
  const path = pathOf(other)
  const value = constantNode.op === 'value' ? constantNode.args : undefined
  if (path !== undefined && typeof value === 'string') {
    const number = kind === 'number' && /^-?\d+(\.\d+)?$/.test(value)
    const word = kind === 'bool' && /^(true|false)$/i.test(value)
    if (number || word) return `write ${path} ${node.op} ${value.toLowerCase()}`
  }
  return conversion(node.op, a, b)
}
