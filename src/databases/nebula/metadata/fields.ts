import { BkpError } from '../../../base/errors.ts'
import { isRecord } from '../../../base/json.ts'

/** A map of untrusted JSON, read field by field; `at` names it in messages. */
export interface Fields {
  readonly at: string
  /** @throws nebula.backup_invalid, as all of these */
  text(name: string, isFit: (value: string) => boolean): string
  textOrNull(name: string, isFit: (value: string) => boolean): string | null
  whole(name: string, least: number, most?: number): number
  flag(name: string): boolean
  texts(name: string, isFit: (value: string) => boolean): readonly string[]
  list<T>(name: string, read: (each: Fields) => T): readonly T[]
  /** A map from keys that fit to maps. */
  map<T>(
    name: string,
    isFit: (key: string) => boolean,
    read: (each: Fields) => T,
  ): Readonly<Record<string, T>>
  counts(name: string): Readonly<Record<string, number>>
  fields(name: string): Fields
  fieldsOrNull(name: string): Fields | null
  has(name: string): boolean
}

/** Untrusted JSON that must be a map. @throws nebula.backup_invalid */
export function readFields(json: unknown, at = ''): Fields {
  if (!isRecord(json)) throw invalid(at || 'the metadata', 'is no map')
  const place = (name: string): string => (at === '' ? name : `${at}.${name}`)
  const held = (name: string): unknown => (Object.hasOwn(json, name) ? json[name] : undefined)
  const text = (name: string, isFit: (value: string) => boolean): string => {
    const value = held(name)
    if (typeof value === 'string' && isFit(value)) return value
    throw invalid(place(name), shown(value))
  }
  const listOf = (name: string): readonly unknown[] => {
    const value = held(name)
    if (!Array.isArray(value)) throw invalid(place(name), 'is no list')
    return value
  }
  const recordOf = (name: string): readonly (readonly [string, unknown])[] => {
    const value = held(name)
    if (!isRecord(value)) throw invalid(place(name), 'is no map')
    return Object.entries(value)
  }
  return Object.freeze({
    at,
    text,
    textOrNull: (name, isFit) => (held(name) === null ? null : text(name, isFit)),
    whole: (name, least, most = Number.MAX_SAFE_INTEGER) =>
      wholeNumber(held(name), place(name), least, most),
    flag: name => {
      const value = held(name)
      if (typeof value !== 'boolean') throw invalid(place(name), shown(value))
      return value
    },
    texts: (name, isFit) =>
      listOf(name).map((value, index) => {
        if (typeof value === 'string' && isFit(value)) return value
        throw invalid(`${place(name)}[${index}]`, shown(value))
      }),
    list: (name, read) =>
      listOf(name).map((value, index) => read(readFields(value, `${place(name)}[${index}]`))),
    map: (name, isFit, read) =>
      Object.fromEntries(
        recordOf(name).map(([key, value]) => {
          if (!isFit(key)) throw invalid(place(name), `has the key ${JSON.stringify(key)}`)
          return [key, read(readFields(value, `${place(name)}.${key}`))]
        }),
      ),
    counts: name =>
      Object.fromEntries(
        recordOf(name).map(([key, value]) => [
          key,
          wholeNumber(value, `${place(name)}.${key}`, 0, Number.MAX_SAFE_INTEGER),
        ]),
      ),
    fields: name => readFields(held(name), place(name)),
    fieldsOrNull: name => (held(name) === null ? null : readFields(held(name), place(name))),
    has: name => held(name) !== undefined,
  } satisfies Fields)
}

function wholeNumber(value: unknown, at: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) {
    return value
  }
  throw invalid(at, shown(value))
}

/** What is wrong with a place of the metadata. */
export function invalid(at: string, what: string): BkpError {
  return new BkpError('nebula.backup_invalid', `the backup's metadata: ${at} ${what}`, {
    hint: 'the backup may be from something else than bkp, or damaged: bkp verify tells',
  })
}

function shown(value: unknown): string {
  if (value === undefined) return 'is missing'
  const text = JSON.stringify(value) ?? typeof value
  return `cannot be ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`
}
