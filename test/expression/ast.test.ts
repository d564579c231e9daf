import { Environment } from '@marcbachmann/cel-js'
import { describe, expect, test } from 'vitest'
import type { Node } from '../../src/expression/ast.ts'
import { callOf, childrenOf, nameOf } from '../../src/expression/ast.ts'

/** What hooks.ts and free-names.ts rely on beyond the published types of cel-js. */
describe('cel-js', () => {
  const environment = new Environment({ unlistedVariablesAreDyn: true })
  const parse = (source: string) => {
    const run = environment.parse(source)
    return { run, root: run.ast as unknown as Node }
  }

  test('a node can be given another evaluation after it was checked', () => {
    const { run, root } = parse('a + b')
    expect(run.check().valid).toBe(true)
    const inner = root.meta.evaluate
    root.setMeta('evaluate', (...call) => `<${String(inner(...call))}>`)
    expect(run({ a: 'x', b: 'y' })).toBe('<xy>')
  })

  test('also inside macros', () => {
    const { run, root } = parse('l.map(x, x == 1)')
    expect(run.check().valid).toBe(true)
    const [, , body] = childrenOf(root)
    body?.setMeta('evaluate', () => 'ours')
    expect(run({ l: [1] })).toEqual(['ours'])
  })

  test('a variable can be renamed before the tree is checked', () => {
    const { run, root } = parse('list')
    root.args = '$list'
    expect(run.check().valid).toBe(true)
    expect(run(new Map([['$list', 7]]) as never)).toBe(7)
  })

  test('calls and children are where we look for them', () => {
    const { root } = parse('f(a).g(b, {"k": c}[d])')
    const call = callOf(root)
    expect(call?.name).toBe('g')
    expect(callOf(call?.receiver as Node)?.name).toBe('f')
    const names = (node: Node): string[] => [
      ...(nameOf(node) === undefined ? [] : [String(nameOf(node))]),
      ...childrenOf(node).flatMap(names),
    ]
    expect(names(root)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('|| absorbs an error that the other side decides, and no other', () => {
    const { run } = parse('missing || a')
    expect(run({ a: true })).toBe(true)
    expect(() => run({ a: false })).toThrow(/missing/)
  })
})
