import { nearest } from '../base/text.ts'
import type { Scope } from './contract.ts'
import { templateError } from './template-faults.ts'
import type { PathNode, Span, TemplateFile } from './template-tree.ts'
import { Unknown } from './unknown.ts'

/** Stands for all variables: the value of `this` outside of loops. */
export const rootContext: unique symbol = Symbol('variables')

/** What is not defined, and why; an error only where its value is needed. */
export class Missing {
  readonly error: Error
  constructor(error: Error) {
    this.error = error
  }
}

/** What names mean at one place of a template. */
export interface Frame {
  readonly context: unknown
  /** `@index`, `@key`, `@first`, `@last`. */
  readonly loop: Readonly<Record<string, unknown>>
  readonly names: ReadonlyMap<string, unknown>
  /** What `../` leads to. */
  readonly outer: Frame | undefined
}

/** Looks names up. */
export interface Names {
  /** The value of a path, or what is missing of it. @throws expression.failed, what rendering throws */
  resolve(path: PathNode, frame: Frame): unknown
  /** One field of a value, or what is missing. */
  lookup(from: unknown, part: string, loc: Span): unknown
}

/** Maps made by parsing, and those of variables; no instance of any class. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** The names of one template in one scope. Only own fields are seen, never those of a prototype. */
export function createNames(template: TemplateFile, scope: Scope): Names {
  function missing(loc: Span, name: string, known: readonly string[], more?: string): Missing {
    const near = nearest(name.split('.').at(-1) ?? name, known)
    const hint = near === undefined ? more : `did you mean "${near}"?`
    const message = `"${name}" is not defined`
    return new Missing(
      templateError(template, loc, { code: 'expression.undefined', message, hint }),
    )
  }

  /** Own fields of maps, places of lists, and how long a list or text is. */
  function field(value: unknown, part: string): unknown {
    if (value === rootContext) return scope.has(part) ? scope.get(part) : undefined
    if (Array.isArray(value)) {
      if (part === 'length') return value.length
      return /^(0|[1-9]\d*)$/.test(part) ? (value[Number(part)] as unknown) : undefined
    }
    if (typeof value === 'string') return part === 'length' ? value.length : undefined
    return isMap(value) && Object.hasOwn(value, part) ? value[part] : undefined
  }

  function fieldsOf(value: unknown): readonly string[] {
    if (value === rootContext) return scope.names()
    return isMap(value) ? Object.keys(value) : []
  }

  function outwards(path: PathNode, frame: Frame): Frame {
    let at = frame
    for (let level = 0; level < path.depth; level += 1) {
      if (at.outer === undefined) {
        throw templateError(template, path.loc, {
          code: 'expression.failed',
          message: 'there is nothing around this that "../" could mean',
          hint: '#each and #with make a place of their own; #if does not',
        })
      }
      at = at.outer
    }
    return at
  }

  function start(
    path: PathNode,
    frame: Frame,
  ): { readonly from: unknown; readonly rest: readonly string[] } {
    const [first = '', ...others] = path.parts
    const isScoped = /^(\.|this\b)/.test(path.original)
    if (path.depth === 0 && !path.data && !isScoped && frame.names.has(first)) {
      return { from: frame.names.get(first), rest: others }
    }
    const at = outwards(path, frame)
    if (!path.data) return { from: at.context, rest: path.parts }
    return first === 'root'
      ? { from: rootContext, rest: others }
      : { from: at.loop, rest: path.parts }
  }

  return Object.freeze({
    resolve: (path: PathNode, frame: Frame): unknown => {
      const { from, rest } = start(path, frame)
      let value = from
      for (const part of rest) {
        if (value instanceof Unknown) return value
        const found = field(value, part)
        if (found === undefined) {
          const outside = frame.context !== rootContext && !path.data && scope.has(part)
          const more = outside ? `outside of the block it is "@root.${part}"` : undefined
          return missing(path.loc, path.original, fieldsOf(value), more)
        }
        value = found
      }
      return value
    },
    lookup: (from: unknown, part: string, loc: Span): unknown => {
      const found = field(from, part)
      return found === undefined ? missing(loc, part, fieldsOf(from)) : found
    },
  } satisfies Names)
}
