import type { HostAddress } from '../../src/connection/contract.ts'

/** The controller itself under a name. */
export function localAddress(name: string): HostAddress {
  return {
    name,
    transport: 'local',
    hostname: 'localhost',
    port: 22,
    strictHostKeyChecking: 'yes',
    knownHostsFiles: [],
    connectTimeoutMs: 1000,
  }
}
