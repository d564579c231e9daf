import * as Type from 'typebox'

/** Text of a result. */
export const text = (description: string) => Type.String({ description })

/** Text of a result, or null. */
export const textOrNull = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description })

/** A number of a result. */
export const count = (description: string) => Type.Number({ description })

/** Texts of a result. */
export const texts = (description: string) => Type.Array(Type.String(), { description })

/** Partitions by the name of their space. */
export const partitionsBySpace = (description: string) =>
  Type.Record(Type.String(), Type.Array(Type.Number()), { description })
