import {
  bool,
  double,
  field,
  i16,
  i32,
  i64,
  list,
  map,
  struct,
  type ThriftType,
  text,
  type ValueOf,
} from '../thrift/types.ts'
import type { GraphTable, GraphValue } from './contract.ts'

// The vendor's common.thrift: tables of its Go client 2.0.0-ga, 2.5.1 and 3.8.0, which agree.

const i8: ThriftType<number> = Object.freeze({
  wire: 3,
  read: reader => (reader.byte() << 24) >> 24,
  write: (writer, value) => writer.byte(value & 0xff),
} satisfies ThriftType<number>)

const dateFields = { year: field(1, i16), month: field(2, i8), day: field(3, i8) }
const DateStruct = struct('Date', dateFields)
const TimeStruct = struct('Time', {
  hour: field(1, i8),
  minute: field(2, i8),
  sec: field(3, i8),
  microsec: field(4, i32),
})
const DateTimeStruct = struct('DateTime', {
  ...dateFields,
  hour: field(4, i8),
  minute: field(5, i8),
  sec: field(6, i8),
  microsec: field(7, i32),
})

/** A value as graphd sends it is a union: reading it gives what bkp makes of it. */
const value: ThriftType<GraphValue> = Object.freeze({
  wire: 12,
  read: reader => readValue(ValueStruct.read(reader)),
  write: () => {
    throw new TypeError('bkp sends no values to graphd')
  },
} satisfies ThriftType<GraphValue>)

const values = list(value)
const named = map(text, value)
const ListStruct = struct('NList', { values: field(1, values) })
/** Written as a list is, under another number. */
const SetStruct = struct('NSet', {
  values: field(1, Object.freeze({ ...values, wire: 14 as const })),
})
const MapStruct = struct('NMap', { kvs: field(1, named) })
const Tag = struct('Tag', { name: field(1, text), props: field(2, named) })
const Vertex = struct('Vertex', { vid: field(1, value), tags: field(2, list(Tag)) })
const Edge = struct('Edge', {
  src: field(1, value),
  dst: field(2, value),
  type: field(3, i32),
  name: field(4, text),
  ranking: field(5, i64),
  props: field(6, named),
})
const Step = struct('Step', {
  dst: field(1, Vertex),
  type: field(2, i32),
  name: field(3, text),
  ranking: field(4, i64),
  props: field(5, named),
})
const Path = struct('Path', { src: field(1, Vertex), steps: field(2, list(Step)) })
const Row = struct('Row', { values: field(1, values) })
/** A table, as the answer to a statement or as a value in one. */
export const DataSet = struct('DataSet', {
  columnNames: field(1, list(text)),
  rows: field(2, list(Row)),
})
const Coordinate = struct('Coordinate', { x: field(1, double), y: field(2, double) })
const Point = struct('Point', { coord: field(1, Coordinate) })
const LineString = struct('LineString', { coordList: field(1, list(Coordinate)) })
const Polygon = struct('Polygon', { coordListList: field(1, list(list(Coordinate))) })
/** Since 3.0. */
const Geography = struct('Geography', {
  point: field(1, Point),
  line: field(2, LineString),
  polygon: field(3, Polygon),
})
/** Since 3.0. */
const Duration = struct('Duration', {
  seconds: field(1, i64),
  microseconds: field(2, i32),
  months: field(3, i32),
})

const ValueStruct = struct('Value', {
  nothing: field(1, i32),
  bool: field(2, bool),
  int: field(3, i64),
  float: field(4, double),
  text: field(5, text),
  date: field(6, DateStruct),
  time: field(7, TimeStruct),
  dateTime: field(8, DateTimeStruct),
  vertex: field(9, Vertex),
  edge: field(10, Edge),
  path: field(11, Path),
  list: field(12, ListStruct),
  map: field(13, MapStruct),
  set: field(14, SetStruct),
  table: field(15, DataSet),
  geography: field(16, Geography),
  duration: field(17, Duration),
})

/** Nothing is set for an empty value; what a later version adds is nothing, too. */
function readValue(found: ValueOf<typeof ValueStruct>): GraphValue {
  const { bool, int, float, text, date, time, dateTime, vertex, edge, path } = found
  const plain = bool ?? int ?? float ?? text
  if (plain !== undefined) return plain
  if (date !== undefined) return dateText(date)
  if (time !== undefined) return timeText(time)
  if (dateTime !== undefined) return `${dateText(dateTime)}T${timeText(dateTime)}`
  if (vertex !== undefined) return vertexValue(vertex)
  if (edge !== undefined) return edgeValue(edge)
  if (path !== undefined) {
    const { src = {}, steps = [] } = path
    return { src: vertexValue(src), steps: steps.map(stepValue) }
  }
  return readContainer(found)
}

function readContainer(found: ValueOf<typeof ValueStruct>): GraphValue {
  const { list, map, set, table, geography, duration } = found
  const elements = list ?? set
  if (elements !== undefined) return elements.values ?? []
  if (map !== undefined) return mapValue(map.kvs)
  if (table !== undefined) {
    const { columns, rows } = readTable(table)
    return { columns, rows }
  }
  if (geography !== undefined) return geographyValue(geography)
  if (duration !== undefined) {
    const { seconds = 0n, microseconds = 0, months = 0 } = duration
    return { seconds, microseconds: BigInt(microseconds), months: BigInt(months) }
  }
  return null
}

/** A data set as a table: rows are as long as they were sent. */
export function readTable({ columnNames = [], rows = [] }: ValueOf<typeof DataSet>): GraphTable {
  return { columns: columnNames, rows: rows.map(row => row.values ?? []) }
}

function mapValue(entries: ReadonlyMap<string, GraphValue> | undefined): {
  readonly [name: string]: GraphValue
} {
  return Object.fromEntries(entries ?? [])
}

function vertexValue({ vid = null, tags = [] }: ValueOf<typeof Vertex>): GraphValue {
  return { vid, tags: Object.fromEntries(tags.map(tag => [tag.name ?? '', mapValue(tag.props)])) }
}

function edgeValue(edge: ValueOf<typeof Edge>): GraphValue {
  const { src = null, dst = null, type = 0, name = '', ranking = 0n, props } = edge
  return { src, dst, type: BigInt(type), name, ranking, props: mapValue(props) }
}

function stepValue(step: ValueOf<typeof Step>): GraphValue {
  const { dst = {}, type = 0, name = '', ranking = 0n, props } = step
  return { dst: vertexValue(dst), type: BigInt(type), name, ranking, props: mapValue(props) }
}

function geographyValue({ point, line, polygon }: ValueOf<typeof Geography>): GraphValue {
  const pair = ({ x = 0, y = 0 }: ValueOf<typeof Coordinate>): GraphValue => [x, y]
  if (point !== undefined) return { point: pair(point.coord ?? {}) }
  if (line !== undefined) return { line: (line.coordList ?? []).map(pair) }
  return { polygon: (polygon?.coordListList ?? []).map(ring => ring.map(pair)) }
}

function dateText({ year = 0, month = 0, day = 0 }: ValueOf<typeof DateStruct>): string {
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`
}

function timeText({
  hour = 0,
  minute = 0,
  sec = 0,
  microsec = 0,
}: ValueOf<typeof TimeStruct>): string {
  return `${digits(hour, 2)}:${digits(minute, 2)}:${digits(sec, 2)}.${digits(microsec, 6)}`
}

function digits(count: number, width: number): string {
  return `${count < 0 ? '-' : ''}${String(Math.abs(count)).padStart(width, '0')}`
}
