import type { Generation, SpaceDescription } from '../contract.ts'
import {
  field,
  i16,
  i32,
  list,
  struct,
  type ThriftStruct,
  text,
  type ValueOf,
} from '../thrift/types.ts'
import { HostAddr } from './common.ts'
import { isMajor2 } from './versions.ts'

export const ColumnTypeDef = struct('ColumnTypeDef', {
  type: field(1, i32),
  typeLength: field(2, i16),
  /** Since 2.6. */
  geoShape: field(3, i32),
})

const shared = {
  spaceName: field(1, text),
  partitionNum: field(2, i32),
  replicaFactor: field(3, i32),
  charsetName: field(4, text),
  collateName: field(5, text),
  vidType: field(6, ColumnTypeDef),
  isolationLevel: field(8, i32),
  /** Since 2.1. */
  comment: field(9, text),
} as const

/** Up to 2.6. */
export const SpaceDesc20 = struct('SpaceDesc', { ...shared, groupName: field(7, text) })
/** Since 3.0: field 7 is another type. */
export const SpaceDesc30 = struct('SpaceDesc', { ...shared, zoneNames: field(7, list(text)) })

export const GetSpaceResp20 = getSpaceResp(SpaceDesc20)
export const GetSpaceResp30 = getSpaceResp(SpaceDesc30)

function getSpaceResp<T>(description: ThriftStruct<T>) {
  return struct('GetSpaceResp', {
    code: field(1, i32),
    leader: field(2, HostAddr),
    item: field(
      3,
      struct('SpaceItem', { spaceId: field(1, i32), properties: field(2, description) }),
    ),
  })
}

export type SpaceDescValue = ValueOf<typeof SpaceDesc20> & ValueOf<typeof SpaceDesc30>

/** The neutral form. A field that a server left out is as Thrift's own default. */
export function readSpaceDescription(value: SpaceDescValue = {}): SpaceDescription {
  const { vidType = {}, groupName, zoneNames, isolationLevel, comment } = value
  return {
    name: value.spaceName ?? '',
    partitions: value.partitionNum ?? 0,
    replicas: value.replicaFactor ?? 0,
    charset: value.charsetName ?? '',
    collate: value.collateName ?? '',
    vidType: {
      type: vidType.type ?? 0,
      ...(vidType.typeLength === undefined ? {} : { typeLength: vidType.typeLength }),
      ...(vidType.geoShape === undefined ? {} : { geoShape: vidType.geoShape }),
    },
    ...(groupName === undefined ? {} : { group: groupName }),
    ...(zoneNames === undefined ? {} : { zones: zoneNames }),
    ...(isolationLevel === undefined ? {} : { isolationLevel }),
    ...(comment === undefined ? {} : { comment }),
  }
}

/** The form of a generation; what it lacks is left out. */
export function writeSpaceDescription(
  space: SpaceDescription,
  generation: Generation,
): SpaceDescValue {
  const isOld = isMajor2(generation)
  return {
    spaceName: space.name,
    partitionNum: space.partitions,
    replicaFactor: space.replicas,
    charsetName: space.charset,
    collateName: space.collate,
    vidType: space.vidType,
    ...(isOld ? { groupName: space.group } : { zoneNames: space.zones }),
    isolationLevel: space.isolationLevel,
    comment: generation === '2.0' ? undefined : space.comment,
  }
}
