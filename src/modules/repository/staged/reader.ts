import { hostname } from 'node:os'
import type { Reader } from '../../../repository/while-pinned.ts'
import type { RunContext } from '../../contract.ts'

/** Who a run is to those who look at the sessions of a repository. */
export function readerOf({ clock, random }: RunContext, warn: Reader['warn']): Reader {
  return { controller: hostname(), pid: process.pid, clock, random, warn }
}
