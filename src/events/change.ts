/** One planned change, as machines read it (design §8, `bkp plan --json`). */
export interface Change {
  readonly action: 'create' | 'update' | 'delete' | 'run' | 'call'
  readonly target: string
  /** The host it is done on. */
  readonly host: string
  readonly destructive: boolean
  readonly bytes?: number
  readonly diff?: { readonly before: string; readonly after: string }
  readonly notes?: readonly string[]
}
