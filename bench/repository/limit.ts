import { join } from 'node:path'
import type { Measure, Subject } from './subject.ts'

/** The bare prototype, told how many fsyncs to make. */
export function limit(bench: string, fsyncs: Readonly<Record<Measure, number>>): Subject {
  return {
    name: 'limit',
    prepare: () => [],
    run: (measure, { source, target, place }) => {
      const request = { verb: measure, source, target, place, fsyncs: fsyncs[measure] }
      const script = join(bench, 'limit/main.js')
      return { argv: [process.execPath, script, JSON.stringify(request)] }
    },
    restored: ({ target }) => target,
  }
}
