import type { ServiceAddress } from './contract.ts'

/** The roles a host can have, as nebula.service names them. */
export const nebulaRoles = ['metad', 'storaged', 'graphd'] as const
export type NebulaRole = (typeof nebulaRoles)[number]

/** One service of the cluster on one of its hosts; everything is keyed by its address. */
export interface Instance {
  readonly role: NebulaRole
  /** The host of the inventory that it runs on. */
  readonly hostName: string
  /** As the cluster knows it. */
  readonly address: ServiceAddress
  /** Where it is reached from its host. */
  readonly dial: ServiceAddress
  /** ROOT: where bin, etc and scripts are, as the host sees it. */
  readonly installDir: string
  /** Its configuration file, as the host sees it. */
  readonly conf: string
  /** As the host sees them: `--data_path`, one or several; none of graphd. */
  readonly dataDirs: readonly string[]
  /** The same as the service sees them: what metads name. */
  readonly serviceDataDirs: readonly string[]
  /** `--wal_path` of storaged, as the host sees it, where it is set. */
  readonly walDir?: string
  readonly pidFile: string
  /** Where glog writes, as the host sees it. */
  readonly logDir: string
  /** What it writes to standard error, a name in `logDir`. */
  readonly stderrLog: string
  readonly http: ServiceAddress
}
