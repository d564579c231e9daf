/** Which way bytes travel: from a storage to hosts, or from hosts to a storage. */
export type Flow = 'download' | 'upload'

/**
 * What becomes of a service: it stops answering, it answers again, both in one go, or its data are put
 * in place of others.
 */
export type Availability = 'down' | 'up' | 'restart' | 'swap'

/** One planned change, as machines read it (design §8, `bkp plan --json`). */
export interface Change {
  readonly action: 'create' | 'update' | 'delete' | 'run' | 'call'
  readonly target: string
  /** The host it is done on. */
  readonly host: string
  readonly destructive: boolean
  readonly bytes?: number
  /** Both are dots where a secret is in either. */
  readonly diff?: { readonly before: string; readonly after: string }
  readonly notes?: readonly string[]
  readonly flow?: Flow
  readonly availability?: Availability
}
