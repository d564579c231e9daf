import { isRecord } from '../../base/json.ts'

/** What is wrong with the shape of a plan file, and under which of its keys. */
export interface ShapeFault {
  readonly key: string
  readonly message: string
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
const isCount: Check = value => typeof value === 'number' && Number.isFinite(value) && value >= 0
const isFlag: Check = value => typeof value === 'boolean'
const isTime: Check = value => typeof value === 'string' && !Number.isNaN(Date.parse(value))
const oneOf =
  (...words: readonly string[]): Check =>
  value =>
    typeof value === 'string' && words.includes(value)
const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value)
const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check)
const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  value =>
    isRecord(value) && Object.entries(fields).every(([name, check]) => check(value[name]))

const step = { step: isText, name: isText, host: isText, item: optional(isCount) }

const change = record({
  ...step,
  play: isText,
  module: isText,
  action: oneOf('create', 'update', 'delete', 'run', 'call'),
  target: isText,
  certainty: oneOf('sure', 'maybe', 'unknown'),
  destructive: isFlag,
  bytes: optional(isCount),
})

const fields: Readonly<Record<string, Check>> = {
  digest: isText,
  created: isTime,
  expires: isTime,
  playbook: isText,
  inventory: listOf(isText),
  invocation: record({
    directory: isText,
    forks: value => isCount(value) && Number.isInteger(value) && Number(value) > 0,
    limit: optional(isText),
    extra_vars: optional(listOf(isText)),
    tags: optional(listOf(isText)),
    skip_tags: optional(listOf(isText)),
    start_at_task: optional(isText),
    force_handlers: optional(isFlag),
    diff: optional(isFlag),
    prompted: optional(isRecord),
  }),
  documents: listOf(record({ path: isText, sha256: isText, text: isText })),
  plan: record({
    digest: isText,
    changes: listOf(change),
    binding: listOf(record({ ...step, facts: isRecord })),
    summary: isRecord,
  }),
}

/** The first part of a plan file that is not as this bkp writes it. */
export function findShapeFault(file: Readonly<Record<string, unknown>>): ShapeFault | undefined {
  for (const [key, check] of Object.entries(fields)) {
    if (file[key] === undefined) return { key, message: `${key} is missing` }
    if (!check(file[key])) return { key, message: `${key} is not as bkp writes it` }
  }
  return undefined
}
