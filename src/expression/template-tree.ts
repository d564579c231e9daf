/** Where a node stands: lines from 1, columns from 0. */
export interface Span {
  readonly start: { readonly line: number; readonly column: number }
  readonly end: { readonly line: number; readonly column: number }
}

/** A path such as `a.b`, `../a`, `this`, `@index`. */
export interface PathNode {
  readonly type: 'PathExpression'
  /** `@`: of the loop, or `@root`. */
  readonly data: boolean
  /** How many `../` it begins with. */
  readonly depth: number
  readonly parts: readonly string[]
  readonly original: string
  readonly loc: Span
}

export interface LiteralNode {
  readonly type:
    | 'StringLiteral'
    | 'NumberLiteral'
    | 'BooleanLiteral'
    | 'NullLiteral'
    | 'UndefinedLiteral'
  readonly value?: string | number | boolean
  readonly original?: unknown
  readonly loc: Span
}

interface Call {
  readonly path: PathNode | LiteralNode | CallNode
  readonly params: readonly ParameterNode[]
  readonly hash?: HashNode
  readonly loc: Span
}

interface HashNode {
  readonly pairs: readonly {
    readonly key: string
    readonly value: ParameterNode
    readonly loc: Span
  }[]
}

/** `(helper a b)` */
export interface CallNode extends Call {
  readonly type: 'SubExpression'
}

export type ParameterNode = PathNode | LiteralNode | CallNode

/** `{{ }}` */
export interface MustacheNode extends Call {
  readonly type: 'MustacheStatement'
}

/** `{{#helper a}} ... {{else}} ... {{/helper}}` */
export interface BlockNode extends Call {
  readonly type: 'BlockStatement'
  readonly program?: ProgramNode
  readonly inverse?: ProgramNode
}

export type StatementNode =
  | MustacheNode
  | BlockNode
  | { readonly type: 'ContentStatement'; readonly value: string }
  | { readonly type: 'CommentStatement' }

/** Statements in a row, and the names that `as |x y|` gives. */
export interface ProgramNode {
  readonly body: readonly StatementNode[]
  readonly blockParams?: readonly string[]
}

/** A file of the controller with `{{ }}` in it, parsed and checked. */
export interface TemplateFile {
  readonly file: string
  readonly text: string
  readonly program: ProgramNode
}
