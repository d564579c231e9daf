import { restoresMeta } from './restore-meta-on-hosts.ts'

restoresMeta('3.3', { metads: 2, map: 'swap', method: 'restore_meta', pairs: 2 })
