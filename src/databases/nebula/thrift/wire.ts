/** Types of TBinaryProtocol by their number on the wire (specs/nebula.md §5.1, Thrift's own table). */
export const wireNames = Object.freeze({
  2: 'bool',
  3: 'byte',
  4: 'double',
  6: 'i16',
  8: 'i32',
  10: 'i64',
  11: 'string',
  12: 'struct',
  13: 'map',
  14: 'set',
  15: 'list',
} as const)

export type WireType = keyof typeof wireNames

/** Bytes that a value takes at the least: what bounds the size of a container. */
export const leastBytes: Readonly<Record<WireType, number>> = Object.freeze({
  2: 1,
  3: 1,
  4: 8,
  6: 2,
  8: 4,
  10: 8,
  11: 4,
  12: 1,
  13: 6,
  14: 5,
  15: 5,
})
