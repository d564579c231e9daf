import { isIP } from 'node:net'
import { BkpError } from '../../base/errors.ts'
import type { ServiceAddress } from './contract.ts'
import type { NebulaRole } from './instances.ts'

/** Ports where nothing else is said (specs/nebula.md §1.1). */
export const defaultPorts: Readonly<Record<NebulaRole | `${NebulaRole}_http`, number>> =
  Object.freeze({
    metad: 9559,
    storaged: 9779,
    graphd: 9669,
    metad_http: 19_559,
    storaged_http: 19_779,
    graphd_http: 19_669,
  })

/**
 * `host:port`, or `host` alone where a port is given for it; `[::1]:9779` for IPv6.
 * @throws inventory.invalid
 */
export function requireAddress(text: string, defaultPort?: number): ServiceAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\][]+)\]|([^\s:]+))(?::(\d+))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? defaultPort : Number(digits)
  if (host === undefined || port === undefined || port < 1 || port > 65_535) {
    throw new BkpError('inventory.invalid', `"${text}" is not an address`, {
      hint: 'write host:port, such as 192.168.8.1:9779',
    })
  }
  return { host, port }
}

/** The admin port of a storaged, where metad asks it for checkpoints: one below (specs §1.1). */
export function adminAddress({ host, port }: ServiceAddress): ServiceAddress {
  return { host, port: port - 1 }
}

/** An address that needs no name service. */
export function isLiteral(host: string): boolean {
  return isIP(host) !== 0
}
