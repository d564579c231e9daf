import { Secret } from '../base/secret.ts'
import type { Scope } from './contract.ts'
import { scalarText } from './scalar-text.ts'
import { templateError } from './template-faults.ts'
import { asksFirst, type HelperContext, helpers, isTruthy, unknownIn } from './template-helpers.ts'
import { createNames, type Frame, isMap, Missing, rootContext } from './template-names.ts'
import { isCall } from './template-parse.ts'
import type {
  BlockNode,
  CallNode,
  LiteralNode,
  MustacheNode,
  ParameterNode,
  PathNode,
  ProgramNode,
  Span,
  TemplateFile,
} from './template-tree.ts'
import { Unknown } from './unknown.ts'

export { parseTemplateFile } from './template-parse.ts'

const mostStatements = 1_000_000
const longestOutput = 16 * 1024 * 1024
const wholeFile: Span = { start: { line: 1, column: 0 }, end: { line: 1, column: 1 } }

/**
 * The text that a template makes of a step's variables. What is not defined is an error at its place;
 * nothing is escaped, and values are put in as they are, with whatever `{{ }}` is in them. It is a
 * Secret when a secret went into it or decided about it, and Unknown when it hangs on what a plan does
 * not know yet.
 * @throws expression.undefined, expression.failed
 */
export function renderTemplateFile(
  template: TemplateFile,
  scope: Scope,
): string | Secret | Unknown {
  const names = createNames(template, scope)
  const output: string[] = []
  let length = 0
  let statements = 0
  let secret = false
  let unknown: Unknown | undefined

  const fail = (loc: Span, message: string, hint?: string): never => {
    throw templateError(template, loc, { code: 'expression.failed', message, hint })
  }
  const helperContext = (loc: Span): HelperContext => ({
    touch: value => {
      secret = true
      return value.reveal()
    },
    fail: (message, hint) => fail(loc, message, hint),
  })

  function emit(text: string, loc: Span): void {
    length += text.length
    if (length > longestOutput) fail(loc, 'the text it makes is longer than 16 MiB')
    output.push(text)
  }

  /** The value of a parameter, or what is missing. */
  function evaluate(node: ParameterNode, frame: Frame): unknown {
    if (node.type === 'PathExpression') return names.resolve(node, frame)
    if (node.type === 'SubExpression') return call(node, frame)
    return node.value ?? null
  }

  function needed(value: unknown): unknown {
    if (value instanceof Missing) throw value.error
    return value
  }

  function call(node: MustacheNode | CallNode, frame: Frame): unknown {
    const name = node.path.type === 'PathExpression' ? node.path.original : ''
    const values = node.params.map(param => evaluate(param, frame))
    if (name === 'lookup') return lookup(node, values)
    if (values.includes(rootContext)) fail(node.loc, `${name} takes no variables at large`)
    const given = asksFirst.has(name)
      ? values.filter(value => !(value instanceof Missing))
      : values.map(needed)
    const open = given.map(unknownIn).find(each => each !== undefined)
    return open ?? helpers.get(name)?.run(given, helperContext(node.loc))
  }

  function lookup(node: MustacheNode | CallNode, values: readonly unknown[]): unknown {
    const open = values.find(value => value instanceof Missing || value instanceof Unknown)
    if (open !== undefined) return open
    const [from, key] = values
    const part = scalarText(key)
    if (part === undefined) return fail(node.loc, 'lookup takes a map or list, and a name or place')
    return names.lookup(from, part, node.loc)
  }

  function printed(value: unknown, node: MustacheNode): string {
    if (value instanceof Unknown) {
      unknown ??= value
      return ''
    }
    if (value instanceof Secret) return helperContext(node.loc).touch(value)
    const text = scalarText(value)
    if (text !== undefined) return text
    if (value === null) return fail(node.loc, 'this is null, which has no text', 'ask #if first')
    const kind = Array.isArray(value) ? 'a list' : isMap(value) ? 'a map' : 'neither'
    return fail(
      node.loc,
      `only texts, numbers and booleans print; this is ${kind}`,
      'print it with {{json name}} or {{join name ", "}}, or go through it with #each',
    )
  }

  function mustache(node: MustacheNode, frame: Frame): void {
    const { path } = node
    const value = isCall(node)
      ? call(node, frame)
      : names.resolve(path.type === 'PathExpression' ? path : literalPath(path), frame)
    emit(printed(needed(value), node), node.loc)
  }

  function block(node: BlockNode, frame: Frame): void {
    const [param] = node.params
    const name = node.path.type === 'PathExpression' ? node.path.original : ''
    const value = param === undefined ? null : needed(evaluate(param, frame))
    if (value instanceof Unknown) {
      unknown ??= value
      return
    }
    if (name === 'each') {
      each(node, value, frame)
      return
    }
    const isZero = value === 0 || value === 0n
    const holds = (isZero && includesZero(node)) || isTruthy(value, helperContext(node.loc))
    if (name === 'with' && holds) run(node.program, inside(node, frame, { context: value }))
    else run(holds === (name !== 'unless') ? node.program : node.inverse, frame)
  }

  function each(node: BlockNode, value: unknown, frame: Frame): void {
    if (!Array.isArray(value) && !isMap(value)) {
      fail(node.loc, '#each goes through lists and maps, and this is neither')
    }
    const list: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined
    const keys: readonly (string | number)[] =
      list === undefined ? Object.keys(value as object) : [...list.keys()]
    if (keys.length === 0) run(node.inverse, frame)
    for (const [index, key] of keys.entries()) {
      // A map's value is read when its turn comes: variables of other hosts are made only then.
      const context = names.lookup(value, String(key), node.loc)
      const loop = { key, index, first: index === 0, last: index === keys.length - 1 }
      run(node.program, inside(node, frame, { context: needed(context), loop }))
    }
  }

  function inside(
    node: BlockNode,
    outer: Frame,
    { context, loop = {} }: { readonly context: unknown; readonly loop?: Frame['loop'] },
  ): Frame {
    const values = [context, loop['key']]
    const given = (node.program?.blockParams ?? []).map(
      (name, index) => [name, values[index]] as const,
    )
    return {
      context,
      loop: { ...outer.loop, ...loop },
      names: new Map([...outer.names, ...given]),
      outer,
    }
  }

  function run(program: ProgramNode | undefined, frame: Frame): void {
    for (const statement of program?.body ?? []) {
      statements += 1
      if (statements > mostStatements) fail(wholeFile, 'it takes more than 1000000 steps')
      if (statement.type === 'ContentStatement') emit(statement.value, wholeFile)
      else if (statement.type === 'MustacheStatement') mustache(statement, frame)
      else if (statement.type === 'BlockStatement') block(statement, frame)
    }
  }

  run(template.program, { context: rootContext, loop: {}, names: new Map(), outer: undefined })
  if (unknown !== undefined) return unknown
  return secret ? new Secret(output.join('')) : output.join('')
}

function includesZero({ hash }: BlockNode): boolean {
  return hash?.pairs.some(({ value }) => 'value' in value && value.value === true) ?? false
}

/** `{{ "a name" }}` is the variable of that name. */
function literalPath(node: LiteralNode | CallNode): PathNode {
  const original = node.type === 'SubExpression' ? '' : String(node.value)
  const { loc } = node
  return { type: 'PathExpression', data: false, depth: 0, parts: [original], original, loc }
}
