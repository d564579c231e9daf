import { mapTypes, type ThriftReader } from './reader.ts'
import { leastBytes, type WireType } from './wire.ts'

/** A value as the wire shows it, without a table: what tells one version of a struct from another. */
export interface RawValue {
  readonly wire: WireType
  /** Of a struct: its fields by number. */
  readonly fields: ReadonlyMap<number, RawValue>
  /** Of a container: its elements, of a map its values. Of anything else nothing is kept. */
  readonly elements: readonly RawValue[]
}

const noFields: ReadonlyMap<number, RawValue> = new Map()

/** Reads any value. @throws nebula.protocol */
export function readRaw(reader: ThriftReader, wire: WireType): RawValue {
  if (wire === 12) return reader.nested(() => readFields(reader))
  if (wire === 13) return reader.nested(() => readEntries(reader))
  if (wire === 14 || wire === 15) {
    return reader.nested(() => {
      const element = reader.wireType()
      return {
        wire,
        fields: noFields,
        elements: readMany(reader, element, reader.count(leastBytes[element])),
      }
    })
  }
  reader.skip(wire)
  return { wire, fields: noFields, elements: [] }
}

function readFields(reader: ThriftReader): RawValue {
  const fields = new Map<number, RawValue>()
  for (let wire = reader.fieldType(); wire !== undefined; wire = reader.fieldType()) {
    const id = reader.i16()
    fields.set(id, readRaw(reader, wire))
  }
  return { wire: 12, fields, elements: [] }
}

function readEntries(reader: ThriftReader): RawValue {
  const [key = 2, value = 2] = mapTypes(reader)
  const count = reader.count(leastBytes[key] + leastBytes[value])
  const elements: RawValue[] = []
  for (let rest = count; rest > 0; rest -= 1) {
    reader.skip(key)
    elements.push(readRaw(reader, value))
  }
  return { wire: 13, fields: noFields, elements }
}

function readMany(reader: ThriftReader, wire: WireType, count: number): readonly RawValue[] {
  const elements: RawValue[] = []
  for (let rest = count; rest > 0; rest -= 1) elements.push(readRaw(reader, wire))
  return elements
}
