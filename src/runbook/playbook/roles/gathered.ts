import type { Play, Task } from '../../contract.ts'
import type { PlaybookContext } from '../context.ts'

/** What the roles of a play give to all of it, with the handlers that it has of its own. */
export interface Gathered extends Pick<Play, 'roleDefaults' | 'roleVars'> {
  readonly handlers: readonly Task[]
}

/**
 * Handlers in the order they run: of `roles:`, of the play, of roles that its steps name. Variables in
 * the order of the roles, the last one winning.
 */
export function gathered({ standing }: PlaybookContext, own: readonly Task[]): Gathered {
  const { listed, named } = standing.play
  const all = [...listed, ...named]
  const roleDefaults = all.flatMap(({ defaults }) => defaults)
  const roleVars = all.flatMap(({ vars }) => vars)
  return {
    handlers: [
      ...listed.flatMap(({ handlers }) => handlers),
      ...own,
      ...named.flatMap(({ handlers }) => handlers),
    ],
    ...(roleDefaults.length === 0 ? {} : { roleDefaults }),
    ...(roleVars.length === 0 ? {} : { roleVars }),
  }
}
