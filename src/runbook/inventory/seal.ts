import { isRecord } from '../../base/json.ts'
import { Secret } from '../../base/secret.ts'
import { isTemplate, parts, type Tree } from '../../expression/contract.ts'
import type { SecretSources } from '../contract.ts'

/**
 * A tree of an encrypted file: its texts are Secrets, and so is what its mixed texts render to.
 * Numbers and booleans keep their types; those long enough to be a secret are not printed either.
 */
export function sealTree(tree: Tree, sources: Pick<SecretSources, 'register'>): Tree {
  if (typeof tree === 'string') return registered(tree, sources)
  if (typeof tree === 'number' || typeof tree === 'bigint') registered(String(tree), sources)
  if (isTemplate(tree)) {
    const content = tree[parts]
    if (!Array.isArray(content)) return tree
    for (const part of content) if (typeof part === 'string') registered(part, sources)
    return Object.freeze({ ...tree, sealed: true })
  }
  if (Array.isArray(tree)) return tree.map(item => sealTree(item as Tree, sources))
  if (!isRecord(tree)) return tree
  return Object.fromEntries(
    Object.entries(tree).map(([key, inner]) => [key, sealTree(inner as Tree, sources)]),
  )
}

function registered(text: string, sources: Pick<SecretSources, 'register'>): Secret {
  const secret = new Secret(text)
  sources.register(secret)
  return secret
}
