import type { ForeignObject, Key } from './contract.ts'

/** Which objects a backend lists, and who hears of those whose names are no keys. */
export interface ListHow {
  readonly after?: Key | undefined
  readonly foreign?: ((object: ForeignObject) => void) | undefined
}
