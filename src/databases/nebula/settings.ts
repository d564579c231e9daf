/** How services are started and stopped where nebula.service is not there (specs/nebula.md §4, 12). */
export interface ServiceCommands {
  /** Words, or a shell line. `{service}`, `{conf}` and `{root}` stand for the instance's own. */
  readonly start: string
  readonly stop: string
}

/** One service of a host, where a host has several of a role or differs from the rest. */
export interface InstanceSettings {
  /** As the cluster knows it: `host`, or `host:port`. */
  readonly address?: string
  /** Where it is reached from the host it runs on: `host:port`. */
  readonly dial?: string
  /** Its configuration file, absolute or below install_dir. */
  readonly conf?: string
  readonly install_dir?: string
  readonly data_dirs?: readonly string[]
  readonly wal_dir?: string
  readonly http?: string
  /** Absolute or below install_dir. */
  readonly pid_file?: string
}

/** By a path as services see it: the same as the host does. */
export type PathMap = Readonly<Record<string, string>>

/** A cluster of kind nebula beside `kind` and `hosts`: docs/nebula.md tells each. */
export interface NebulaSettings {
  /**
   * Asked of the cluster where it is not given; needed where none answers (a restore after a
   * disaster).
   */
  readonly version?: string
  readonly install_dir?: string
  readonly ports?: Readonly<
    Partial<
      Record<
        'metad' | 'storaged' | 'graphd' | 'metad_http' | 'storaged_http' | 'graphd_http',
        number
      >
    >
  >
  /** By role and host of the inventory. */
  readonly instances?: Readonly<
    Partial<
      Record<'metad' | 'storaged' | 'graphd', Readonly<Record<string, readonly InstanceSettings[]>>>
    >
  >
  /** Addresses as services name each other, and where they are reached from any host: `host:port`. */
  readonly address_map?: Readonly<Record<string, string>>
  /**
   * By host: paths as services see them and as the host does, for containers. The longest counts.
   * The loader makes a list of it: several patterns may match a host.
   */
  readonly path_map?: Readonly<Record<string, PathMap | readonly PathMap[]>>
  /** script: scripts/nebula.service; systemd: units; command: commands of the user's. */
  readonly service_manager?: 'script' | 'systemd' | 'command'
  readonly service_commands?: ServiceCommands
  /** Names of units, by role; `{role}` as `nebula-{role}` without it. */
  readonly units?: Readonly<Partial<Record<'metad' | 'storaged' | 'graphd', string>>>
  /** Whoever owns the data: restored files become theirs. Without it, as the live folder's. */
  readonly service_user?: string
  /** For nGQL over graphd; `GOD` where authorization is on. */
  readonly user?: string
  readonly password?: unknown
  /** Who is asked for snapshots: metad by Thrift (the default), or graphd by nGQL. */
  readonly snapshots_by?: 'metad' | 'graphd'
  /** Longest createBackup or CREATE SNAPSHOT, as a duration: `30m`. */
  readonly create_timeout?: string
}
