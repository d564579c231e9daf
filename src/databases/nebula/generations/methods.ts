import type { Generation } from '../contract.ts'
import type { ThriftMethod } from '../thrift/messages.ts'
import { field, i32, i64, list, struct, type ThriftStruct, text } from '../thrift/types.ts'
import { backupCodecs } from './backup-forms.ts'
import {
  AddHostsReq,
  Empty,
  ExecResp,
  GetMetaDirInfoResp,
  GetSpaceReq,
  HostAddr,
  ListClusterInfoResp21,
  ListClusterInfoResp30,
  ListHostsReq,
  ListHostsResp,
  ListSnapshotsResp,
  ListSpacesResp,
  RestoreMetaReq,
  RestoreMetaResp,
  VerifyClientVersionReq,
  VerifyClientVersionResp,
} from './common.ts'
import { GetSpaceResp20, GetSpaceResp30 } from './spaces.ts'

/** A call of MetaService: its one argument is named `req`, its result is field 0 (specs §1.1). */
export type MetaMethod<Request, Response> = ThriftMethod<
  { readonly req?: Request | undefined },
  { readonly success?: Response | undefined }
>

function method<Request, Response>(
  name: string,
  request: ThriftStruct<Request>,
  response: ThriftStruct<Response>,
): MetaMethod<Request, Response> {
  return Object.freeze({
    name,
    args: struct(`${name}_args`, { req: field(1, request) }),
    result: struct(`${name}_result`, { success: field(0, response) }),
  })
}

/** What is the same in all generations and only reads. */
const reading = {
  listHosts: method('listHosts', ListHostsReq, ListHostsResp),
  listSpaces: method('listSpaces', Empty, ListSpacesResp),
  listSnapshots: method('listSnapshots', Empty, ListSnapshotsResp),
  getMetaDirInfo: method('getMetaDirInfo', Empty, GetMetaDirInfoResp),
  verifyClientVersion: method(
    'verifyClientVersion',
    VerifyClientVersionReq,
    VerifyClientVersionResp,
  ),
} as const

/** Calls that change nothing (specs/nebula.md §1.4). */
export const readMethods = Object.freeze({
  ...reading,
  getSpaceUntil26: method('getSpace', GetSpaceReq, GetSpaceResp20),
  getSpace: method('getSpace', GetSpaceReq, GetSpaceResp30),
  listClusterUntil26: method('listCluster', Empty, ListClusterInfoResp21),
  listCluster: method('listCluster', Empty, ListClusterInfoResp30),
})

const CreateBackupReq = struct('CreateBackupReq', {
  spaces: field(1, list(text)),
  /** Since 3.3, of the enterprise edition. */
  baseBackupName: field(2, text),
  clusterId: field(3, i64),
})

function createBackup(generation: Generation) {
  return method(
    'createBackup',
    CreateBackupReq,
    struct('CreateBackupResp', {
      code: field(1, i32),
      leader: field(2, HostAddr),
      meta: field(3, backupCodecs[generation].struct),
    }),
  )
}

/** A name up to 3.2. */
const DropSnapshotReq20 = struct('DropSnapshotReq', { name: field(1, text) })
/** A list since 3.3, which takes its first without looking whether there is one (specs §1.5). */
const DropSnapshotReq33 = struct('DropSnapshotReq', { names: field(1, list(text)) })

/** Calls that change the cluster. */
export const writeMethods = Object.freeze({
  createBackup: Object.freeze({
    '2.0': createBackup('2.0'),
    '2.1': createBackup('2.1'),
    '3.0': createBackup('3.0'),
    '3.3': createBackup('3.3'),
  }),
  createSnapshot: method('createSnapshot', Empty, ExecResp),
  /** Since 3.0. */
  addHosts: method('addHosts', AddHostsReq, ExecResp),
  dropSnapshotUntil32: method('dropSnapshot', DropSnapshotReq20, ExecResp),
  dropSnapshot: method('dropSnapshot', DropSnapshotReq33, ExecResp),
  restoreMetaUntil32: method('restoreMeta', RestoreMetaReq, ExecResp),
  restoreMeta: method('restoreMeta', RestoreMetaReq, RestoreMetaResp),
})
