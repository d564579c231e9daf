import type { Place } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'

/** Maps the range [start, end) of a scalar's text, in UTF-16 units, to its place in the file. */
export type PlaceOf = (start: number, end: number) => Place

/** The key under which an Expression keeps what it compiled to. */
export const program: unique symbol = Symbol('program')

/** The key under which a Template keeps its parts. */
export const parts: unique symbol = Symbol('parts')

/** A parsed and type-checked CEL expression. */
export interface Expression {
  readonly source: string
  /** Free variables that must be defined; those asked for by `default` and `defined` are left out. */
  readonly roots: ReadonlySet<string>
  readonly placeOf: PlaceOf | undefined
  /** Opaque: evaluate.ts runs it. */
  readonly [program]: unknown
}

/** Text with `{{ }}` in it: one whole expression, or literal text and expressions in turn. */
export interface Template {
  readonly [parts]: Expression | readonly (string | Expression)[]
  /** Written in an encrypted file: what it renders to is a Secret. */
  readonly sealed?: true
}

/** A value as a YAML file has it, with the expressions in it compiled. Keys are never rendered. */
export type Tree =
  | Template
  | Expression
  | Secret
  | null
  | boolean
  | number
  | string
  | bigint
  | readonly Tree[]
  | { readonly [key: string]: Tree }

/** What expressions see: variables by name. */
export interface Scope {
  /** The variable's value, rendered; undefined when it is not defined. */
  get(name: string): unknown
  has(name: string): boolean
  names(): readonly string[]
}

/** A literal came from outside and is never rendered; a tree is rendered where it is read. */
export type Binding = { readonly literal: unknown } | { readonly tree: Tree }

export type Variables = ReadonlyMap<string, Binding>

/** Variables as a scope reads them: some are only made then. */
export type Layer = Pick<Variables, 'get' | 'has' | 'keys'>

/** True for a compiled expression. */
export function isExpression(value: unknown): value is Expression {
  return typeof value === 'object' && value !== null && program in value
}

/** True for compiled text. */
export function isTemplate(value: unknown): value is Template {
  return typeof value === 'object' && value !== null && parts in value
}
