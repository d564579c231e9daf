/** The text of manifest.proto, which every repository carries; a test holds the two together. */
export const manifestProto = `// The manifest of one backup: everything needed to restore it (format 1).
// Field numbers are fixed by the golden repository of format 1; additions only.
syntax = "proto3";

package bkp.v1;

message BackupManifest {
  enum State {
    COMPLETE = 0;
    PARTIAL = 1; // a checkpoint of a long backup: a root, never \`latest\`
    REVOKED = 2; // a tombstone: this session may not commit any more
  }
  uint32 format_version = 1;
  BackupMeta backup_meta = 2;
  BackupFile metasrv = 3; // databend's meta service export; absent for other kinds
  repeated BackupFile storage = 4; // file entries, unless they are in storage_index
  repeated BackupBlock storage_index = 5; // blocks that hold BackupFileList messages, in order
  State state = 6;
  repeated BackupBlock blocks = 7; // blocks that hold BackupBlockList messages, in order
  // sha256 of all bytes of this message before this field, which is the last one: a manifest is not
  // named by its hash. Always there when backup_meta.tool_version is.
  bytes checksum = 15;
}

message BackupMeta {
  enum Kind {
    FULL = 0;
    INCREMENTAL = 1;
  }
  int64 backup_time_ns = 1; // UTC
  Kind kind = 2;
  string parent = 3; // manifest name without folder and suffix; empty for a full backup
  bytes session = 4; // the session's random 128-bit nonce
  Cluster cluster = 5;
  repeated string hosts_expected = 6;
  repeated string hosts_missing = 7;
  string source = 8; // the controller that took the backup
  string tool_version = 9;
  map<string, string> labels = 10;
  repeated BackupBlock recovery_kit = 11; // blocks that hold one RecoveryKit message, in order
  Totals totals = 12;
  repeated Root roots = 13;
  string metadata_json = 14; // what the playbook handed over (a driver's own), as JSON
  Origin copied_from = 15; // absent where the backup was taken into this repository
}

// Where a backup was taken, however often it was copied since.
message Origin {
  string repository = 1; // its id
  string name = 2; // the backup's name there
  bytes session = 3; // BackupMeta.session there: the same in all copies
}

message Cluster {
  string kind = 1;
  string name = 2;
  string version = 3;
  string topology_json = 4; // the driver's own
}

message Totals {
  uint64 files = 1;
  uint64 bytes = 2;
  uint64 new_bytes = 3; // bytes of blocks this backup stored
  uint64 reused_bytes = 4; // bytes of files that were not sent again
}

// Where a logical root was read from.
message Root {
  string host = 1;
  bytes root = 2; // as in BackupFile.root
  bytes source = 3; // the live path on the host
}

message BackupFile {
  enum Type {
    FILE = 0;
    DIRECTORY = 1;
    SYMLINK = 2;
  }
  bytes path = 1; // logical: begins with root; names need not be UTF-8
  string host = 2; // inventory_hostname
  bytes root = 3; // the logical root: \`as\`, or the path itself
  bool immutable = 4; // identity: inode
  uint64 size = 5;
  uint32 mode = 6; // permission bits
  string user = 7;
  string group = 8;
  int64 mtime_ns = 9;
  int64 ctime_ns = 10;
  uint64 inode = 11;
  string etag = 12;
  bytes sha256 = 13; // 32 bytes; always there for packed files
  bytes symlink_target = 14;
  repeated BackupBlock blocks = 15; // in order; a packed file names one block and its offset
  Type type = 16;
}

message BackupBlock {
  string block_id = 1; // sha256 of the block's bytes, 64 hex digits
  uint64 block_size = 2; // of the whole block
  uint32 generation = 3; // data/<id> for 0, data/<id>.<generation> otherwise
  uint64 offset = 4; // where a packed file begins; its length is the file's size
}

message BackupFileList {
  repeated BackupFile files = 1;
}

message BackupBlockList {
  repeated BackupBlock blocks = 1;
}

message RecoveryKit {
  repeated RecoveryFile files = 1;
}

message RecoveryFile {
  string path = 1;
  bytes content = 2;
}
`
