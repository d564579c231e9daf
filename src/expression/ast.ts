/**
 * The parts of cel-js's syntax tree that we use beyond its published types (the version is pinned;
 * test/expression/ast.test.ts holds what we rely on). `meta.evaluate` is how cel-js itself
 * specialises a node after checking it.
 */
export interface Node {
  readonly op: string
  args: unknown
  readonly start: number
  readonly end: number
  readonly left?: Node
  readonly right?: Node
  /** A macro's own evaluation, where there is one, goes before the node's. */
  readonly meta: { readonly evaluate: Evaluate; readonly macro?: Macro }
  readonly handle?: (left: unknown, right: unknown, node: Node, evaluator: Evaluator) => unknown
  setMeta(key: 'evaluate', evaluate: Evaluate): Node
  setMeta(key: 'macro', macro: Macro): Node
}

/** What a macro keeps for its node; cel-js passes it to its own evaluation in the node's place. */
export interface Macro {
  readonly evaluate: (evaluator: Evaluator, macro: Macro, context: unknown) => unknown
}

/** Runs nodes in a context of variables. */
export interface Evaluator {
  run(node: Node, context: unknown): unknown
}

export type Evaluate = (evaluator: Evaluator, node: Node, context: unknown) => unknown

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'setMeta' in value
}

/** The nodes below one, in the order of the source. */
export function childrenOf(node: Node): readonly Node[] {
  const collect = (value: unknown): readonly Node[] =>
    isNode(value) ? [value] : Array.isArray(value) ? value.flatMap(collect) : []
  return collect(node.args)
}

/** A call as name, receiver and arguments; undefined for other nodes. */
export function callOf(
  node: Node,
): { name: string; receiver: Node | undefined; args: readonly Node[] } | undefined {
  if (!Array.isArray(node.args)) return undefined
  const [name, ...rest]: readonly unknown[] = node.args
  if (typeof name !== 'string') return undefined
  if (node.op === 'call') return { name, receiver: undefined, args: (rest[0] ?? []) as Node[] }
  if (node.op === 'rcall' && isNode(rest[0])) {
    return { name, receiver: rest[0], args: (rest[1] ?? []) as Node[] }
  }
  return undefined
}

/** The name of a variable node. */
export function nameOf(node: Node | undefined): string | undefined {
  return node?.op === 'id' && typeof node.args === 'string' ? node.args : undefined
}
