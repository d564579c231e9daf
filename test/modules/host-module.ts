import type { AnyModule } from '../../src/modules/contract.ts'

/** A module that is known to run on one host. */
export function hostModule(
  loaded: AnyModule,
): Extract<AnyModule, { readonly scope: 'host' }>['module'] {
  if (loaded.scope !== 'host') throw new Error('not a host module')
  return loaded.module
}
