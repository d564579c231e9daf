import { BkpError } from '../base/errors.ts'
import type { ModuleCatalogue, ModuleEntry } from '../modules/catalogue.ts'
import type { AnyModule } from '../modules/contract.ts'

/** Loads modules when a step needs them: nothing is imported for steps that do not run. */
export interface ModuleLibrary {
  readonly catalogue: ModuleCatalogue
  load(name: string): Promise<AnyModule>
  /** Checks rendered arguments; the faults, none when they are fine. */
  check(entry: ModuleEntry, args: unknown): readonly BkpError[]
}

export interface LibraryOptions {
  readonly catalogue: ModuleCatalogue
  readonly loaders: Readonly<Record<string, () => Promise<AnyModule>>>
  readonly check: ModuleLibrary['check']
}

/** A library over the generated loaders; each module is imported at most once. */
export function createLibrary({ catalogue, loaders, check }: LibraryOptions): ModuleLibrary {
  const loaded = new Map<string, Promise<AnyModule>>()
  return Object.freeze({
    catalogue,
    check,
    load: async name => {
      const known = loaded.get(name) ?? loaders[name]?.()
      if (known === undefined) throw new BkpError('internal', `no code for module ${name}`)
      loaded.set(name, known)
      return await known
    },
  } satisfies ModuleLibrary)
}

/** The entry of a module that load has already accepted. */
export function entryOf(library: ModuleLibrary, name: string): ModuleEntry {
  const entry = library.catalogue.get(name)
  if (entry === undefined) throw new BkpError('internal', `no module ${name} in the catalogue`)
  return entry
}
