import { restoresMeta } from './restore-meta-on-hosts.ts'

// Up to 3.0 pairs come one after the other, and up to 2.6 followers cannot rewrite addresses.
restoresMeta('3.0', { metads: 2, map: 'swap', method: 'restore_meta', pairs: 3 })
for (const generation of ['2.1', '2.0'] as const) {
  restoresMeta(generation, { metads: 1, map: 'swap', method: 'restore_meta', pairs: 3 })
  restoresMeta(generation, { metads: 2, map: 'move', method: 'http_replace', pairs: 2 })
}
