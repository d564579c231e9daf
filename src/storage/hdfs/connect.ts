import type { Clock } from '../../base/clock.ts'
import { createRedactor } from '../../base/secret.ts'
import { createNamenodes } from './namenodes.ts'
import { createPackageClient } from './npm-webhdfs.ts'
import type { HdfsPlace } from './place.ts'
import { createTransport } from './transport.ts'
import { createWire, type Wire } from './wire.ts'

/**
 * All that speaks with a cluster. A module of its own, imported late: loading HTTP, TLS and the
 * package `webhdfs` takes long, and only a run that uses HDFS pays for it.
 */
export function connect(place: HdfsPlace, clock: Clock, silenceMs: number): Wire {
  const transport = createTransport(silenceMs)
  const packages = place.namenodes.map(namenode => createPackageClient(namenode, place, transport))
  const { redact, register } = createRedactor()
  // A server's words about a token may hold it.
  if (place.delegationToken !== undefined) register(place.delegationToken)
  const namenodes = createNamenodes(place, transport, clock, packages, redact)
  return createWire(place, namenodes, transport, redact)
}
