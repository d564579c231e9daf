import { BkpError } from '../../../base/errors.ts'
import type { ServiceAddress } from '../contract.ts'
import type { HostAddrValue } from './common.ts'

/** Names and addresses of hosts; they become parts of paths. */
const hostText = /^[A-Za-z0-9_:%][A-Za-z0-9._:%-]*$/

/** An address that a service named. @throws nebula.protocol for one that none can have */
export function readAddress(value: HostAddrValue | undefined): ServiceAddress {
  const { host = '', port = 0 } = value ?? {}
  if (hostText.test(host) && port > 0 && port < 65_536) return { host, port }
  throw new BkpError('nebula.protocol', `"${host}:${port}" is the address of no service`)
}

/** The leader as a metad names it; undefined while there is none: its host is empty then (specs §1.2). */
export function readLeader(value: HostAddrValue | undefined): ServiceAddress | undefined {
  if (value === undefined || (value.host ?? '') === '' || (value.port ?? 0) === 0) return undefined
  return readAddress(value)
}
