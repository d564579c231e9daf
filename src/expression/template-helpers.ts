import { Secret } from '../base/secret.ts'
import { scalarText } from './scalar-text.ts'
import { Unknown } from './unknown.ts'

/** What a helper says of what it was given; `touch` is told of secrets that went into the result. */
export interface HelperContext {
  touch(secret: Secret): string
  /** @throws BkpError expression.failed at the helper's place */
  fail(message: string, hint?: string): never
}

/** A helper that makes a value of values; it reaches nothing else. */
export interface Helper {
  readonly least: number
  readonly most: number
  run(values: readonly unknown[], context: HelperContext): unknown
}

/** A helper that is given what is not defined, too: `default`, `defined`. */
export const asksFirst: ReadonlySet<string> = new Set(['default', 'defined'])

/** Helpers that decide about a block. */
export const blockHelpers: ReadonlySet<string> = new Set(['if', 'unless', 'each', 'with'])

/** Handlebars' own truth: false, null, "", 0 and an empty list are not. */
export function isTruthy(value: unknown, context: HelperContext): boolean {
  const plain = value instanceof Secret ? context.touch(value) : value
  if (Array.isArray(plain)) return plain.length > 0
  return plain !== 0n && Boolean(plain)
}

function comparable(value: unknown, context: HelperContext): string | number | boolean | null {
  if (value instanceof Secret) return context.touch(value)
  if (typeof value === 'bigint') return Number(value)
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return context.fail('only texts, numbers and booleans can be compared')
}

function equality(holds: boolean): Helper {
  return {
    least: 2,
    most: 2,
    run: ([left, right], context) =>
      (comparable(left, context) === comparable(right, context)) === holds,
  }
}

function order(holds: (sign: number) => boolean): Helper {
  return {
    least: 2,
    most: 2,
    run: (values, context) => {
      const [left, right] = values.map(value => comparable(value, context))
      if (typeof left === 'number' && typeof right === 'number') return holds(left - right)
      if (typeof left === 'string' && typeof right === 'string') {
        return holds(left < right ? -1 : left > right ? 1 : 0)
      }
      return context.fail('two numbers or two texts can be ordered, nothing else')
    },
  }
}

/** JSON with what `toJSON` of a Secret would hide. */
function json([value, indent = 0]: readonly unknown[], context: HelperContext): string {
  if (typeof indent !== 'number') return context.fail('json takes a number of blanks to indent by')
  const open = (inner: unknown): unknown => {
    if (inner instanceof Secret) return context.touch(inner)
    if (typeof inner === 'bigint') return Number(inner)
    if (inner instanceof Uint8Array) return context.fail('bytes have no JSON')
    if (Array.isArray(inner)) return inner.map(open)
    if (typeof inner !== 'object' || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, field]) => [key, open(field)]))
  }
  return JSON.stringify(open(value), undefined, Math.min(8, indent)) ?? 'null'
}

function join([list, separator = ',']: readonly unknown[], context: HelperContext): string {
  if (!Array.isArray(list) || typeof separator !== 'string') {
    return context.fail('join takes a list, and the text to put between')
  }
  return list
    .map(
      element =>
        (element instanceof Secret ? context.touch(element) : scalarText(element)) ??
        context.fail('join takes texts, numbers and booleans; one element is none of them'),
    )
    .join(separator)
}

/** All helpers that make values, by name. */
export const helpers: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['eq', equality(true)],
  ['ne', equality(false)],
  ['lt', order(sign => sign < 0)],
  ['le', order(sign => sign <= 0)],
  ['gt', order(sign => sign > 0)],
  ['ge', order(sign => sign >= 0)],
  [
    'and',
    { least: 1, most: 20, run: (values, context) => values.every(each => isTruthy(each, context)) },
  ],
  [
    'or',
    { least: 1, most: 20, run: (values, context) => values.some(each => isTruthy(each, context)) },
  ],
  ['not', { least: 1, most: 1, run: ([value], context) => !isTruthy(value, context) }],
  ['json', { least: 1, most: 2, run: json }],
  ['join', { least: 1, most: 2, run: join }],
  // What is not defined is left out of the values.
  ['default', { least: 2, most: 2, run: values => values[0] }],
  ['defined', { least: 1, most: 1, run: values => values.length > 0 }],
  ['lookup', { least: 2, most: 2, run: ([value]) => value }],
])

/** The first value that is not known yet, however deep it lies. */
export function unknownIn(value: unknown): Unknown | undefined {
  if (value instanceof Unknown) return value
  const inner = Array.isArray(value)
    ? value
    : typeof value === 'object' &&
        value !== null &&
        !(value instanceof Secret) &&
        !(value instanceof Uint8Array)
      ? Object.values(value)
      : []
  for (const each of inner) {
    const found = unknownIn(each)
    if (found !== undefined) return found
  }
  return undefined
}
