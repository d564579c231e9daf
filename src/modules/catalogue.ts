/** A JSON Schema document, as emitted into `schemas/`. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What is known of a module without loading its code. */
export interface ModuleEntry {
  readonly name: string
  readonly summary: string
  readonly scope: 'host' | 'cluster'
  readonly args: JsonSchema
  readonly returns: JsonSchema
  readonly acceptsUnknown: boolean
  readonly destructive: boolean
  readonly readOnly: boolean
}

/** The modules there are; the runbook gets it by parameter. */
export interface ModuleCatalogue {
  get(name: string): ModuleEntry | undefined
  names(): readonly string[]
}
