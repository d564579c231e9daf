import { BkpError } from '../base/errors.ts'
import type { Binding, Layer, Scope } from './contract.ts'
import { renderTree } from './tree.ts'

/** A value that came from outside: registered results, facts, a host's output. It is never rendered. */
export function literal(value: unknown): Binding {
  return Object.freeze({ literal: value })
}

/**
 * The variables of all layers, lowest precedence first. As in Ansible, a tree is rendered when it is
 * first read, with what this scope says; then it is kept.
 * `get` throws what rendering throws, and expression.failed for variables that need themselves.
 */
export function createScope(layers: readonly Layer[]): Scope {
  const rendered = new Map<string, unknown>()
  const rendering: string[] = []

  function bindingOf(name: string): Binding | undefined {
    return layers.findLast(layer => layer.has(name))?.get(name)
  }

  function render(name: string, binding: Binding): unknown {
    if ('literal' in binding) return binding.literal
    if (rendering.includes(name)) throw cycle([...rendering.slice(rendering.indexOf(name)), name])
    rendering.push(name)
    try {
      return renderTree(binding.tree, scope)
    } finally {
      rendering.pop()
    }
  }

  const scope: Scope = Object.freeze({
    get: (name: string): unknown => {
      if (rendered.has(name)) return rendered.get(name)
      const binding = bindingOf(name)
      if (binding === undefined) return undefined
      const value = render(name, binding)
      rendered.set(name, value)
      return value
    },
    has: (name: string): boolean => bindingOf(name) !== undefined,
    names: (): readonly string[] => [...new Set(layers.flatMap(layer => [...layer.keys()]))],
  })
  return scope
}

function cycle(names: readonly string[]): BkpError {
  const hint = 'give one of them a value that does not need the others, or another name'
  return new BkpError('expression.failed', `variables need each other: ${names.join(' -> ')}`, {
    hint,
  })
}
