import type { ClusterKind } from './contract.ts'
import { filesKind } from './files/kind.ts'
import { nebulaKind } from './nebula/kind.ts'

/** Every kind of cluster there is; a new one is a folder and one line here. */
export const clusterKinds: readonly ClusterKind[] = Object.freeze([filesKind, nebulaKind])
