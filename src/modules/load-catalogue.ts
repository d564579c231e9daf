import { readFileSync } from 'node:fs'
import { BkpError } from '../base/errors.ts'
import type { ModuleCatalogue, ModuleEntry } from './catalogue.ts'

/** The same file from src/ and from dist/. */
const schemaFile = new URL('../../schemas/modules.json', import.meta.url)

/** A catalogue of these modules, in their order. */
export function catalogueOf(entries: readonly ModuleEntry[]): ModuleCatalogue {
  const byName = new Map(entries.map(entry => [entry.name, Object.freeze(entry)]))
  const names = Object.freeze([...byName.keys()])
  return Object.freeze({
    get: name => byName.get(name),
    names: () => names,
  } satisfies ModuleCatalogue)
}

/**
 * The modules that ship, from their generated schemas: no module's code is loaded, and no typebox.
 * @throws internal when the file is missing: the installation is broken
 */
export function loadCatalogue(file: URL = schemaFile): ModuleCatalogue {
  let entries: readonly ModuleEntry[]
  try {
    // The file is ours: a test compares it with the code it is generated from.
    entries = JSON.parse(readFileSync(file, 'utf8')) as readonly ModuleEntry[]
  } catch (cause) {
    throw new BkpError('internal', `${file.pathname} cannot be read`, {
      cause,
      hint: 'the installation is not whole: install bkp again',
    })
  }
  return catalogueOf(entries)
}
