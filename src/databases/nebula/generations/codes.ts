import type { Generation } from '../contract.ts'

/** What a service said instead of doing what it was asked. */
export interface CodeMeaning {
  /** As the vendor's definition calls it. */
  readonly name: string
  /** The end of "metad ... refused createBackup: ". */
  readonly message: string
  readonly hint: string
}

interface Row extends CodeMeaning {
  /** The number in 2.0; -1008 and the like are of graphd and storaged. */
  readonly old?: number
  /** The number since 2.1, and from which generation to which it has this meaning. */
  readonly now?: number
  readonly from?: Generation
  readonly until?: Generation
}

const log = 'see the log of that metad (logs/nebula-metad.ERROR and .INFO)'
const admin =
  'see that each storaged runs, that metads reach its admin port (its own minus 1: 9778), and that its disks have room; docker and kubernetes often publish 9779 only'

/**
 * specs/nebula.md §1.3: every number changed between 2.0 and 2.1, so -11 is "not the leader" in the one and
 * "no such role" in the other.
 */
const rows: readonly Row[] = [
  {
    name: 'E_DISCONNECTED',
    old: -1,
    now: -1,
    message: 'it lost its connection to another service',
    hint: `see that all services run; ${log}`,
  },
  {
    name: 'E_FAIL_TO_CONNECT',
    old: -2,
    now: -2,
    message: 'it cannot connect to another service',
    hint: `see that all services run; ${log}`,
  },
  {
    name: 'E_RPC_FAILURE',
    old: -3,
    now: -3,
    message: 'a storaged is down, slow or not reachable on its admin port, or its disk is full',
    hint: admin,
  },
  {
    name: 'E_LEADER_CHANGED',
    old: -11,
    now: -4,
    message: 'it does not lead the metads',
    hint: 'the leader changed while it was asked: run it again',
  },
  {
    name: 'E_ROLE_NOT_FOUND',
    now: -11,
    message: 'there is no such role',
    hint: 'SHOW USERS and DESCRIBE USER tell which roles there are',
  },
  {
    name: 'E_NOT_FOUND',
    old: -23,
    message: 'there is no such thing: a space, a snapshot or a part that it has not loaded yet',
    hint: 'right after the start of a metad this passes; else SHOW SPACES and SHOW SNAPSHOTS tell names',
  },
  {
    name: 'E_SPACE_NOT_FOUND',
    now: -5,
    message: 'there is no such space',
    hint: 'SHOW SPACES tells which there are; right after the start of a metad this passes',
  },
  {
    name: 'E_PART_NOT_FOUND',
    now: -16,
    message: 'it has not loaded its own data yet',
    hint: 'right after the start of a metad this passes: run it again',
  },
  {
    name: 'E_KEY_NOT_FOUND',
    now: -17,
    message: 'there is no such entry',
    hint: 'SHOW SPACES and SHOW SNAPSHOTS tell which names there are',
  },
  {
    name: 'E_NO_HOSTS',
    old: -21,
    now: -2001,
    message: 'no storaged is online',
    hint: 'start the storageds, and wait until SHOW HOSTS shows them ONLINE',
  },
  {
    name: 'E_EXISTED',
    old: -22,
    now: -2002,
    message: 'it exists already',
    hint: 'choose another name, or drop what is there',
  },
  {
    name: 'E_UNSUPPORTED',
    old: -25,
    now: -2004,
    message: 'it does not support that',
    hint: 'see which version runs: SHOW HOSTS META',
  },
  {
    name: 'E_WRONGCLUSTER',
    old: -31,
    now: -2010,
    message: 'a storaged belongs to another cluster',
    hint: 'its cluster.id (in its install folder) is of another cluster: move it aside and restart it',
  },
  {
    name: 'E_STORE_FAILURE',
    old: -32,
    now: -2021,
    message: 'it could not write its own data',
    hint: `see the disk of its data path; ${log}`,
  },
  {
    name: 'E_SNAPSHOT_FAILURE',
    old: -51,
    now: -2040,
    message: 'the snapshot failed, or cannot be made now',
    hint: `an index is being rebuilt, or not all storageds are online: SHOW JOBS and SHOW HOSTS tell; ${log}`,
  },
  {
    name: 'E_BLOCK_WRITE_FAILURE',
    old: -52,
    now: -2041,
    message: 'a storaged could not be told to block writes, or to let them through again',
    hint: `${admin}. Where writes stay blocked afterwards, create and drop a snapshot, or restart that storaged`,
  },
  {
    name: 'E_REBUILD_INDEX_FAILURE',
    old: -53,
    now: -2042,
    message: 'the rebuild of an index failed',
    hint: 'SHOW JOBS tells which; start it again',
  },
  {
    name: 'E_BACKUP_FAILURE',
    old: -70,
    message: 'the backup failed',
    hint: `writes may still be blocked: create and drop a snapshot, or restart the storageds; ${log}`,
  },
  {
    name: 'E_BACKUP_FAILED',
    now: -24,
    message: 'the backup failed: the tables of the metad could not be exported',
    hint: `up to 3.0 writes are still blocked then: create and drop a snapshot, or restart the storageds; ${log}`,
  },
  {
    name: 'E_BACKUP_EMPTY_TABLE',
    now: -25,
    message: 'a table of the metad is empty',
    hint: log,
  },
  {
    name: 'E_BACKUP_TABLE_FAILED',
    now: -26,
    message: 'a table of the metad could not be exported',
    hint: `see the disk of its data path; ${log}`,
  },
  {
    name: 'E_FAILED_GET_ABS_PATH',
    now: -30,
    message: 'it cannot tell the absolute path of its data',
    hint: 'see that data_path of all metads and storageds exists and can be entered by their user',
  },
  {
    name: 'E_BACKUP_BUILDING_INDEX',
    old: -71,
    now: -2066,
    until: '3.0',
    message: 'an index is being rebuilt',
    hint: 'wait until SHOW JOBS shows it finished, or stop it (STOP JOB)',
  },
  {
    name: 'E_BACKUP_RUNNING_JOBS',
    now: -2066,
    from: '3.3',
    message:
      'jobs run that change data: a rebuild of an index, a compaction, an ingest or a balance',
    hint: 'wait until SHOW JOBS shows them finished, or stop them (STOP JOB)',
  },
  {
    name: 'E_BACKUP_SPACE_NOT_FOUND',
    old: -72,
    now: -2067,
    message: 'there is no such space, or no space at all',
    hint: 'SHOW SPACES tells which there are; a cluster without spaces cannot be backed up',
  },
  {
    name: 'E_RESTORE_FAILURE',
    old: -80,
    now: -2068,
    message: 'it could not take in the files of the backup',
    hint: `its user must be able to read and remove them where it sees them, and they are gone after a first attempt: stage them again; ${log}`,
  },
  {
    name: 'E_LIST_CLUSTER_FAILURE',
    now: -2070,
    message: 'it cannot tell of which services the cluster is',
    hint: log,
  },
  {
    name: 'E_LIST_CLUSTER_GET_ABS_PATH_FAILURE',
    now: -2071,
    message: 'it cannot tell the absolute paths of the services',
    hint: 'see that data_path of all metads and storageds exists and can be entered by their user',
  },
  {
    name: 'E_GET_META_DIR_FAILURE',
    now: -2072,
    until: '2.1',
    message: 'it cannot tell where its own data is',
    hint: 'see that its data_path exists and can be entered by its user',
  },
  {
    name: 'E_LIST_CLUSTER_NO_AGENT_FAILURE',
    now: -2072,
    from: '3.0',
    message: 'a host has no nebula-agent, without which a 3.x metad does not list the cluster',
    hint: 'bkp needs no agent: it reads the configuration files of the hosts instead',
  },
  {
    name: 'E_AGENT_HB_FAILUE',
    now: -2074,
    from: '3.0',
    message: 'it did not accept the heartbeat of an agent',
    hint: log,
  },
  {
    name: 'E_SNAPSHOT_RUNNING_JOBS',
    now: -2056,
    from: '3.3',
    message: 'jobs run that change data, so no snapshot can be made',
    hint: 'wait until SHOW JOBS shows them finished, or stop them (STOP JOB)',
  },
  {
    name: 'E_SNAPSHOT_NOT_FOUND',
    now: -2057,
    from: '3.3',
    message: 'there is no such snapshot',
    hint: 'SHOW SNAPSHOTS tells which there are',
  },
  {
    name: 'E_CLIENT_SERVER_INCOMPATIBLE',
    now: -3061,
    message: 'it does not accept clients of this version',
    hint: 'give the version of the cluster in its settings (version: 2.6.1)',
  },
  {
    name: 'E_FAILED_TO_CHECKPOINT',
    old: -60,
    now: -3041,
    message: 'a storaged could not make a checkpoint',
    hint: 'see the disks of the storageds, and their logs',
  },
  {
    name: 'E_CHECKPOINT_BLOCKED',
    old: -61,
    now: -3042,
    message: 'a storaged blocks writes while a checkpoint is made',
    hint: 'this passes; where it stays, create and drop a snapshot, or restart that storaged',
  },
  {
    name: 'E_RAFT_WRITE_BLOCKED',
    now: -3528,
    from: '3.0',
    message: 'writes are blocked while a backup or snapshot is made',
    hint: 'this passes; where it stays, create and drop a snapshot, or restart the storageds',
  },
  {
    name: 'E_BAD_PERMISSION',
    old: -1008,
    now: -1008,
    message: 'the user may not do that',
    hint: 'snapshots need a user with the role GOD where enable_authorize is on',
  },
  {
    name: 'E_UNKNOWN',
    old: -99,
    now: -8000,
    message: 'something went wrong that it has no code for',
    hint: log,
  },
]

const order: readonly Generation[] = ['2.0', '2.1', '3.0', '3.3']

/** What a number means in a generation; undefined for one that is not in the table. */
export function codeMeaning(code: number, generation: Generation): CodeMeaning | undefined {
  return rows.find(row => codeOf(row, generation) === code)
}

/** Every code that a generation has, by its name; for stand-ins and tests. */
export function codesOf(generation: Generation): ReadonlyMap<string, number> {
  return new Map(
    rows.flatMap((row): [string, number][] => {
      const code = codeOf(row, generation)
      return code === undefined ? [] : [[row.name, code]]
    }),
  )
}

function codeOf(row: Row, generation: Generation): number | undefined {
  if (generation === '2.0') return row.old
  const at = order.indexOf(generation)
  const from = order.indexOf(row.from ?? '2.1')
  const until = order.indexOf(row.until ?? '3.3')
  return at >= from && at <= until ? row.now : undefined
}

/** E_LEADER_CHANGED. */
export const leaderChanged = (generation: Generation) => (generation === '2.0' ? -11 : -4)

/**
 * Codes that reads get from a metad that has only just started: its part is not there yet, and that
 * replaces "not the leader" (specs §1.2).
 */
export const notLoaded = (generation: Generation): readonly number[] =>
  generation === '2.0' ? [-23] : [-5, -16]

/** Answers to dropSnapshot that mean that there is no such snapshot (specs §1.5). */
export const alreadyGone = (generation: Generation): readonly number[] =>
  generation === '2.0' ? [-23] : [-17, -2057]

/** The answer to addHosts that means that there is such a host. */
export const alreadyThere = -2002

/** Answers to createBackup and getSpace that mean that there is no such space. */
export const noSuchSpace = (generation: Generation): readonly number[] =>
  generation === '2.0' ? [-23, -72] : [-5, -2067]
