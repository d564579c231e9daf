import { byteText, textBytes } from '../../../base/byte-text.ts'
import { mapTypes, type ThriftReader } from './reader.ts'
import { leastBytes, type WireType, wireNames } from './wire.ts'
import type { ThriftWriter } from './writer.ts'

/** A type of Thrift: how its values are read and written. Tables of fields are made of these. */
export interface ThriftType<T> {
  readonly wire: WireType
  read(reader: ThriftReader): T
  write(writer: ThriftWriter, value: T): void
}

/** A field of a struct: its number, and the type that it must have on the wire to be read. */
export interface ThriftField<T> {
  readonly id: number
  readonly type: ThriftType<T>
}

type Fields = Readonly<Record<string, ThriftField<unknown>>>

/** A field that was not on the wire, or had another type there, is absent. */
export type StructValue<F extends Fields> = {
  readonly [K in keyof F]?: (F[K] extends ThriftField<infer T> ? T : never) | undefined
}

export interface ThriftStruct<T> extends ThriftType<T> {
  /** As the vendor's definition calls it, for messages. */
  readonly name: string
}

/** What a struct's table describes. */
export type ValueOf<S> = S extends ThriftType<infer T> ? T : never

/** Gives the closures their types, and freezes. */
function typed<T>(type: ThriftType<T>): ThriftType<T> {
  return Object.freeze(type)
}

export const bool = typed<boolean>({
  wire: 2,
  read: reader => reader.bool(),
  write: (writer, value) => writer.byte(value ? 1 : 0),
})
export const i16 = typed<number>({
  wire: 6,
  read: reader => reader.i16(),
  write: (writer, value) => writer.i16(value),
})
export const i32 = typed<number>({
  wire: 8,
  read: reader => reader.i32(),
  write: (writer, value) => writer.i32(value),
})
export const i64 = typed<bigint>({
  wire: 10,
  read: reader => reader.i64(),
  write: (writer, value) => writer.i64(value),
})
/** Bytes as text from which the same bytes can be made again (`byteText`). */
export const text = typed<string>({
  wire: 11,
  read: reader => byteText(reader.bytes()),
  write: (writer, value) => writer.bytes(textBytes(value)),
})
export const bytes = typed<Uint8Array>({
  wire: 11,
  read: reader => Uint8Array.from(reader.bytes()),
  write: (writer, value) => writer.bytes(value),
})
/** IEEE 754, as its eight bytes. */
export const double = typed<number>({
  wire: 4,
  read: reader => {
    const view = Buffer.alloc(8)
    view.writeBigInt64BE(reader.i64())
    return view.readDoubleBE()
  },
  write: (writer, value) => {
    const view = Buffer.alloc(8)
    view.writeDoubleBE(value)
    writer.i64(view.readBigInt64BE())
  },
})

export function list<T>(element: ThriftType<T>): ThriftType<readonly T[]> {
  return Object.freeze({
    wire: 15,
    read: reader =>
      reader.nested(() => {
        const type = reader.byte()
        const count = reader.count(leastBytes[element.wire])
        if (count > 0) requireType(reader, type, element.wire)
        const values: T[] = []
        for (let rest = count; rest > 0; rest -= 1) values.push(element.read(reader))
        return values
      }),
    write: (writer, values) => {
      writer.byte(element.wire)
      writer.i32(values.length)
      for (const value of values) element.write(writer, value)
    },
  } satisfies ThriftType<readonly T[]>)
}

/** In the order of the wire; of two values under one key the last counts. */
export function map<K, V>(key: ThriftType<K>, value: ThriftType<V>): ThriftType<ReadonlyMap<K, V>> {
  return Object.freeze({
    wire: 13,
    read: reader =>
      reader.nested(() => {
        const [keyType, valueType] = mapTypes(reader)
        const count = reader.count(leastBytes[key.wire] + leastBytes[value.wire])
        if (count > 0) {
          requireType(reader, keyType, key.wire)
          requireType(reader, valueType, value.wire)
        }
        const entries = new Map<K, V>()
        for (let rest = count; rest > 0; rest -= 1)
          entries.set(key.read(reader), value.read(reader))
        return entries
      }),
    write: (writer, entries) => {
      writer.byte(key.wire)
      writer.byte(value.wire)
      writer.i32(entries.size)
      for (const [each, its] of entries) {
        key.write(writer, each)
        value.write(writer, its)
      }
    },
  } satisfies ThriftType<ReadonlyMap<K, V>>)
}

export function field<T>(id: number, type: ThriftType<T>): ThriftField<T> {
  return Object.freeze({ id, type })
}

/**
 * A struct by its table of fields. A field of the wire that the table lacks, or whose type differs from
 * the table's, is skipped: fields changed their types in place between versions (specs §0, §1.5).
 */
export function struct<const F extends Fields>(
  name: string,
  fields: F,
): ThriftStruct<StructValue<F>> {
  const inOrder = Object.entries(fields).sort(([, one], [, other]) => one.id - other.id)
  const byId = new Map(inOrder.map(([key, { id, type }]) => [id, { key, type }]))
  return Object.freeze({
    name,
    wire: 12,
    read: reader =>
      reader.nested(() => {
        const value: Record<string, unknown> = {}
        for (let type = reader.fieldType(); type !== undefined; type = reader.fieldType()) {
          const id = reader.i16()
          const known = byId.get(id)
          if (known?.type.wire === type) value[known.key] = known.type.read(reader)
          else reader.skip(type)
        }
        return value as StructValue<F>
      }),
    write: (writer, value) => {
      const values: Readonly<Record<string, unknown>> = value
      for (const [key, { id, type }] of inOrder) {
        const its = values[key]
        if (its === undefined) continue
        writer.byte(type.wire)
        writer.i16(id)
        type.write(writer, its)
      }
      writer.byte(0)
    },
  } satisfies ThriftStruct<StructValue<F>>)
}

function requireType(reader: ThriftReader, type: number | undefined, wanted: WireType): void {
  if (type === wanted) return
  const found =
    type !== undefined && type in wireNames ? wireNames[type as WireType] : `type ${type}`
  throw reader.fail(`elements that are ${found} where ${wireNames[wanted]} belongs`)
}
