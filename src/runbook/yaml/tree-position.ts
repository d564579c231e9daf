/** A way into a document: keys and indexes. */
export type DocumentPath = readonly (string | number)[]

/** How a scalar was written: `plain` is without quotes. */
export type ScalarStyle = 'plain' | 'single' | 'double' | 'block'

/** Where a value stands in its file; mirrors the shape of the value. */
export interface Position {
  /** The key's characters, for values of maps. */
  readonly key: readonly [number, number] | undefined
  readonly value: readonly [number, number]
  readonly style: ScalarStyle | undefined
  /** Under a credential key: not to be quoted in messages. */
  readonly credential: boolean
  /** Tagged `!unsafe`, or within what is. */
  readonly unsafe?: true
  readonly children: ReadonlyMap<string | number, Position>
}

/** The position of a path, or of its nearest ancestor that exists. */
export function findPosition(
  root: Position,
  path: DocumentPath,
): { readonly position: Position; readonly exact: boolean } {
  let position = root
  for (const step of path) {
    const next = position.children.get(step) ?? position.children.get(String(step))
    if (next === undefined) return { position, exact: false }
    position = next
  }
  return { position, exact: true }
}
