import type { Storage } from './contract.ts'

/** A storage as an inventory defines it: its `type`, and what that backend wants to know. */
export interface StorageDefinition {
  readonly type: string
  readonly [option: string]: unknown
}

/** What a backend adds to the registry; nothing here opens a connection. */
export interface StorageBackend {
  /** `type` in an inventory and the scheme of its URLs. */
  readonly type: string
  /**
   * JSON Schema of what stands beside `type` in an inventory. `x-bkp` marks values with a meaning:
   * `secret` (read at load: a Secret then) and `path` (absolute then).
   */
  readonly settings: Readonly<Record<string, unknown>>
  /** A URL of this backend, for messages. */
  readonly example: string
  /** @throws usage.invalid when the URL does not name a place; it holds no credentials */
  fromUrl(url: URL): Storage
  /** @throws usage.invalid when an option is missing or wrong */
  fromDefinition(definition: StorageDefinition): Storage
}
