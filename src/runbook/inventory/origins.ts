import type { Place } from '../../base/errors.ts'
import type { Binding } from '../../expression/contract.ts'
import { plainText } from '../../expression/literal.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'

/** Where the value of a variable was written. */
export interface VariableOrigin {
  readonly place: Place
  /** As the file has it, with `{{ }}` as text; secrets are in it. */
  readonly written: unknown
  /** Says of a part of the value that it is never rendered (`!unsafe`). */
  isUnsafe(path: DocumentPath): boolean
}

/**
 * Where variables were written: kept for those who ask, since it keeps every document. A binding
 * stays the same one however variables are merged.
 */
export interface VariableOrigins {
  keep(binding: Binding, document: YamlDocument, path: DocumentPath): void
  /** Undefined for what no file holds: `-e K=V`, the connection of the implicit localhost. */
  of(binding: Binding): VariableOrigin | undefined
}

/** Nothing is kept yet. */
export function createOrigins(): VariableOrigins {
  const kept = new WeakMap<Binding, { document: YamlDocument; path: DocumentPath }>()
  return Object.freeze({
    keep: (binding: Binding, document: YamlDocument, path: DocumentPath) => {
      kept.set(binding, { document, path })
    },
    of: (binding: Binding) => {
      const found = kept.get(binding)
      if (found === undefined) return undefined
      const { document, path } = found
      return {
        place: document.place(path, 'key'),
        written: document.valueAt(path),
        isUnsafe: (inner: DocumentPath) => document.isUnsafe([...path, ...inner]),
      }
    },
  })
}

/** Text as it stands in the file: what is never rendered was written without the marks around it. */
export function writtenText(text: string, isUnsafe: boolean): string {
  return isUnsafe ? plainText(text) : text
}
