import {
  bool,
  field,
  i32,
  i64,
  list,
  map,
  struct,
  type ThriftStruct,
  text,
} from '../thrift/types.ts'
import { HostAddr } from './common.ts'
import { SpaceDesc20, SpaceDesc30 } from './spaces.ts'

// BackupMeta of each generation (specs/nebula.md §1.5): what createBackup answers, and what a `.meta`
// file holds. The names are the vendor's.

const LogInfo = struct('LogInfo', { logId: field(1, i64), termId: field(2, i64) })
const PartitionBackupInfo = struct('PartitionBackupInfo', { info: field(1, map(i32, LogInfo)) })

const CheckpointInfo20 = struct('CheckpointInfo', {
  host: field(1, HostAddr),
  checkpointDir: field(2, text),
})
export const BackupMeta20 = struct('BackupMeta', {
  backupInfo: field(
    1,
    map(
      i32,
      struct('SpaceBackupInfo', {
        space: field(1, SpaceDesc20),
        /** Never filled. */
        partitionInfo: field(2, PartitionBackupInfo),
        cpDirs: field(3, list(CheckpointInfo20)),
      }),
    ),
  ),
  metaFiles: field(2, list(text)),
  backupName: field(3, text),
})

const ofBackup = {
  metaFiles: field(2, list(text)),
  backupName: field(3, text),
  full: field(4, bool),
  /** include_system_space up to 2.6. */
  allSpaces: field(5, bool),
  createTime: field(6, i64),
} as const

export const BackupMeta21 = struct('BackupMeta', {
  backupInfo: field(
    1,
    map(
      i32,
      struct('SpaceBackupInfo', {
        space: field(1, SpaceDesc20),
        info: field(
          2,
          list(
            struct('BackupInfo', {
              host: field(1, HostAddr),
              info: field(
                2,
                list(
                  struct('CheckpointInfo', {
                    partitionInfo: field(1, PartitionBackupInfo),
                    path: field(2, text),
                  }),
                ),
              ),
            }),
          ),
        ),
      }),
    ),
  ),
  ...ofBackup,
})

export const BackupMeta30 = struct('BackupMeta', {
  spaceBackups: field(1, map(i32, spaceBackupOf(LogInfo))),
  ...ofBackup,
})

export const BackupMeta33 = struct('BackupMeta', {
  spaceBackups: field(
    1,
    map(
      i32,
      spaceBackupOf(
        struct('LogInfo', {
          logId: field(1, i64),
          termId: field(2, i64),
          commitLogId: field(3, i64),
          checkpointPath: field(4, text),
        }),
      ),
    ),
  ),
  ...ofBackup,
  baseBackupName: field(7, text),
  storageHosts: field(8, list(HostAddr)),
  clusterId: field(9, i64),
})

/** Since 3.0. */
function spaceBackupOf<L>(logInfo: ThriftStruct<L>) {
  const checkpoint = struct('CheckpointInfo', {
    spaceId: field(1, i32),
    parts: field(2, map(i32, logInfo)),
    path: field(3, text),
  })
  const host = struct('HostBackupInfo', {
    host: field(1, HostAddr),
    checkpoints: field(2, list(checkpoint)),
  })
  return struct('SpaceBackupInfo', {
    space: field(1, SpaceDesc30),
    hostBackups: field(2, list(host)),
  })
}
