import { join } from 'node:path'

/** Messages and files that the vendor's own libraries wrote. */
export const golden = join(import.meta.dirname, '../../golden/nebula')
