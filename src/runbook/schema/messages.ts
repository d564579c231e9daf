import { didYouMean } from '../../base/text.ts'
import { propertiesOf } from '../meaning.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { Finding } from './alternatives.ts'

/** What a schema describes, for messages: arguments of a module, keywords of a task, settings. */
export interface Subject {
  /** `argument`, `keyword`, `setting` */
  readonly noun: string
  /** `module "copy"`, `a task`, `cluster "graph"` */
  readonly of: string
}

/** A fault with a path in place of a place. */
export interface SchemaFault {
  readonly message: string
  readonly hint?: string
  readonly path: DocumentPath
  readonly at: 'key' | 'value'
  /** The scalar would be right in quotes: its source text is the hint. */
  readonly quote?: true
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  null: 'empty',
}

/** YAML 1.1 words for booleans, and what was meant by them. */
export const booleanWords: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['on', true],
  ['y', true],
  ['no', false],
  ['off', false],
  ['n', false],
])

/** The kind of a value, for `must be ..., not ...`. */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction'
  return typeof value === 'boolean' ? 'true or false' : 'a map'
}

/** `"port"`, or `item 2 of "paths"`. */
function label(path: DocumentPath, subject: Subject): string {
  const last = path.at(-1)
  if (last === undefined) return `${subject.noun}s of ${subject.of}`
  if (typeof last === 'string') return `"${last}"`
  const parent = path.at(-2)
  return parent === undefined ? `item ${last + 1}` : `item ${last + 1} of "${parent}"`
}

function listed(names: readonly string[]): string {
  return names.length <= 12 ? names.join(', ') : `${names.slice(0, 12).join(', ')}, ...`
}

function wrongType(
  path: DocumentPath,
  value: unknown,
  types: readonly string[],
  subject: Subject,
): SchemaFault {
  const wanted = types.map(type => typeNames[type] ?? type).join(' or ')
  const kind = describeKind(value)
  const fault = { message: `${label(path, subject)} must be ${wanted}, not ${kind}`, path } as const
  if (typeof value === 'string') {
    const meant = booleanWords.get(value.toLowerCase())
    if (types.includes('boolean') && meant !== undefined) {
      return {
        ...fault,
        message: `${label(path, subject)} must be true or false: "${value}" is text here`,
        hint: `write ${meant}`,
        at: 'value',
      }
    }
    const numeric =
      /^\d+$/.test(value) && types.some(type => type === 'integer' || type === 'number')
    if (numeric) return { ...fault, hint: 'remove the quotes', at: 'value' }
  }
  if (types.includes('string') && kind === 'a map') {
    return { ...fault, hint: 'quote it, if text is meant: ": " makes a map of it', at: 'value' }
  }
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  if (types.includes('string') && scalar) return { ...fault, at: 'value', quote: true }
  return { ...fault, at: 'value' }
}

const comparisons: Readonly<Record<string, string>> = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'more than',
  '<': 'less than',
}

/** The fault that an error of a schema amounts to. */
export function describeFinding(
  finding: Finding,
  path: DocumentPath,
  subject: Subject,
): SchemaFault {
  const { error } = finding
  const name = label(path, subject)
  if (finding.kind === 'types') return wrongType(path, error.data, finding.types, subject)
  if (finding.kind === 'one_of') {
    const whole = path.length === 0 ? subject.of : name
    const message = `${whole} needs one of: ${finding.names.join(', ')}`
    return { message, path, at: 'key' }
  }
  if (finding.kind === 'several') {
    const message = `only one of these may be given: ${finding.names.join(', ')}`
    return { message, path, at: 'key' }
  }
  const params: Readonly<Record<string, unknown>> = error.params
  const described = (error.parentSchema as { readonly description?: unknown })?.description
  const because = typeof described === 'string' ? { hint: described } : {}
  switch (error.keyword) {
    case 'type':
      return wrongType(path, error.data, [params['type']].flat().map(String), subject)
    case 'required': {
      const missing = String(params['missingProperty'])
      const message =
        path.length === 0
          ? `missing ${subject.noun} "${missing}" of ${subject.of}`
          : `missing key "${missing}" of ${name}`
      return { message, path, at: 'key' }
    }
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const unknown = String(params['additionalProperty'] ?? params['unevaluatedProperty'])
      const known = Object.keys(propertiesOf(error.parentSchema))
      const hint = didYouMean(unknown, known) ?? (known.length > 0 ? `known: ${listed(known)}` : '')
      const of = path.length === 0 ? subject.of : label(path, subject)
      const noun = path.length === 0 ? subject.noun : 'key'
      const message = `unknown ${noun} "${unknown}" of ${of}`
      return { message, path: [...path, unknown], at: 'key', ...(hint === '' ? {} : { hint }) }
    }
    case 'propertyNames': {
      const wrong = String(params['propertyName'])
      return { message: `"${wrong}" cannot be a name here`, path: [...path, wrong], at: 'key' }
    }
    case 'enum': {
      const allowed = (params['allowedValues'] as readonly unknown[]).map(String)
      const near = typeof error.data === 'string' ? didYouMean(error.data, allowed) : undefined
      const message = `${name} must be one of: ${listed(allowed)}`
      return { message, path, at: 'value', ...(near === undefined ? {} : { hint: near }) }
    }
    case 'const':
      return {
        message: `${name} must be ${JSON.stringify(params['allowedValue'])}`,
        path,
        at: 'value',
      }
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum': {
      const comparison = comparisons[String(params['comparison'])] ?? String(params['comparison'])
      return { message: `${name} must be ${comparison} ${params['limit']}`, path, at: 'value' }
    }
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return { message: `${name} must not be empty`, path, at: 'value' }
    case 'pattern':
      return { message: `${name} does not have the required form`, path, at: 'value', ...because }
    case 'not': {
      const excluded = (error.schema as { readonly required?: readonly string[] }).required
      const message =
        excluded === undefined
          ? `${name} is not accepted`
          : `${excluded.map(word => `"${word}"`).join(' and ')} exclude each other`
      return { message, path, at: excluded === undefined ? 'value' : 'key', ...because }
    }
    case 'dependentRequired':
    case 'dependencies': {
      const message = `"${params['property']}" needs "${params['missingProperty']}", too`
      return { message, path: [...path, String(params['property'])], at: 'key' }
    }
    case 'uniqueItems':
      return { message: `${name} holds the same item twice`, path, at: 'value' }
    default:
      return {
        message: `${name} is not accepted (${error.keyword})`,
        path,
        at: 'value',
        ...because,
      }
  }
}
