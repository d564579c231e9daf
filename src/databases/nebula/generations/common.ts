import { field, i32, i64, list, map, struct, text, type ValueOf } from '../thrift/types.ts'

// Structs that are equal in all generations (specs/nebula.md §1.5). What a generation adds to them under
// a new number is in the table, too: another generation leaves it out.

export const HostAddr = struct('HostAddr', { host: field(1, text), port: field(2, i32) })
export type HostAddrValue = ValueOf<typeof HostAddr>

/** A union: one of them is there, or none. */
export const Id = struct('ID', {
  spaceId: field(1, i32),
  tagId: field(2, i32),
  edgeType: field(3, i32),
  indexId: field(4, i32),
  clusterId: field(5, i64),
})

/** Here the leader is field 3, elsewhere 2. */
export const ExecResp = struct('ExecResp', {
  code: field(1, i32),
  id: field(2, Id),
  leader: field(3, HostAddr),
})

export const IdName = struct('IdName', { id: field(1, Id), name: field(2, text) })

export const Empty = struct('Empty', {})

export const ListSpacesResp = struct('ListSpacesResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  spaces: field(3, list(IdName)),
})

export const GetSpaceReq = struct('GetSpaceReq', { spaceName: field(1, text) })

export const Snapshot = struct('Snapshot', {
  name: field(1, text),
  status: field(2, i32),
  hosts: field(3, text),
})

export const ListSnapshotsResp = struct('ListSnapshotsResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  snapshots: field(3, list(Snapshot)),
})

export const ListHostsReq = struct('ListHostsReq', { type: field(1, i32) })

export const HostItem = struct('HostItem', {
  hostAddr: field(1, HostAddr),
  status: field(2, i32),
  leaderParts: field(3, map(text, list(i32))),
  allParts: field(4, map(text, list(i32))),
  role: field(5, i32),
  gitInfoSha: field(6, text),
  zoneName: field(7, text),
  /** Since 2.1. */
  version: field(8, text),
})

export const ListHostsResp = struct('ListHostsResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  hosts: field(3, list(HostItem)),
})

export const HostPair = struct('HostPair', {
  fromHost: field(1, HostAddr),
  toHost: field(2, HostAddr),
})

/** Since 3.0 (meta.thrift). */
export const AddHostsReq = struct('AddHostsReq', { hosts: field(1, list(HostAddr)) })

export const RestoreMetaReq = struct('RestoreMetaReq', {
  files: field(1, list(text)),
  hosts: field(2, list(HostPair)),
})

/** Since 3.3; before, an ExecResp. */
export const RestoreMetaResp = struct('RestoreMetaResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  /** What stands in them is of no use here. */
  partHosts: field(3, map(i32, list(Empty))),
})

export const DirInfo = struct('DirInfo', { root: field(1, text), data: field(2, list(text)) })

/** Without a leader: every metad answers for itself. Since 2.1. */
export const GetMetaDirInfoResp = struct('GetMetaDirInfoResp', {
  code: field(1, i32),
  dir: field(2, DirInfo),
})

/** Of 2.6 only field 1, under another name and of the same type. */
export const VerifyClientVersionReq = struct('VerifyClientVersionReq', {
  clientVersion: field(1, text),
  host: field(2, HostAddr),
  buildVersion: field(3, text),
})

export const VerifyClientVersionResp = struct('VerifyClientVersionResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  errorMsg: field(3, text),
})

export const NodeInfo = struct('NodeInfo', { host: field(1, HostAddr), dir: field(2, DirInfo) })

/** 2.1 to 2.6. */
export const ListClusterInfoResp21 = struct('ListClusterInfoResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  metaServers: field(3, list(HostAddr)),
  storageServers: field(4, list(NodeInfo)),
})

export const ServiceInfo = struct('ServiceInfo', {
  dir: field(1, DirInfo),
  addr: field(2, HostAddr),
  role: field(3, i32),
})

/** Since 3.0: field 3 is another type. */
export const ListClusterInfoResp30 = struct('ListClusterInfoResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  hostServices: field(3, map(text, list(ServiceInfo))),
})

/** What agents send; for stand-ins. Since 3.0. */
export const AgentHBReq = struct('AgentHBReq', {
  host: field(1, HostAddr),
  gitInfoSha: field(2, text),
  version: field(3, text),
})
export const AgentHBResp = struct('AgentHBResp', {
  code: field(1, i32),
  leader: field(2, HostAddr),
  serviceList: field(3, list(ServiceInfo)),
})
