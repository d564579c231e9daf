import { EvaluationError, ParseError, TypeError as TypeFault } from '@marcbachmann/cel-js'
import type { ErrorCode, Place } from '../base/errors.ts'
import { asBkpError, BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { Expression, PlaceOf } from './contract.ts'
import { undisguised } from './free-names.ts'
import { suggestionFor } from './hooks.ts'
import { functionHint, syntaxHint, wordHint } from './syntax-hints.ts'

type CelError = ParseError | EvaluationError | TypeFault

interface Wording {
  readonly message: string
  readonly hint?: string | undefined
}

/** True for the errors of cel-js. */
export function isCelError(thrown: unknown): thrown is CelError {
  return (
    thrown instanceof ParseError || thrown instanceof EvaluationError || thrown instanceof TypeFault
  )
}

function placeOf(
  error: CelError,
  expression: { readonly source: string; readonly placeOf: PlaceOf | undefined },
): Place | undefined {
  const { start, end } = error.range ?? { start: 0, end: expression.source.length }
  return expression.placeOf?.(start, Math.max(end, start + 1))
}

/** cel-js's error is not kept as the cause: its message may hold values. */
function fault(code: ErrorCode, { message, hint }: Wording, place: Place | undefined): BkpError {
  return new BkpError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(place === undefined ? {} : { place }),
  })
}

const tokens: Readonly<Record<string, string>> = {
  COLON: '":"',
  COMMA: '","',
  RPAREN: '")"',
  RBRACKET: '"]"',
  RBRACE: '"}"',
  IDENTIFIER: 'a name',
  EOF: 'the end of the expression',
}

function parseWording(error: CelError, source: string): Wording {
  const hint = syntaxHint(source)
  const { start, end } = error.range ?? { start: 0, end: 0 }
  const text = source.slice(start, end)
  const expected = /^Expected (\w+), got/.exec(error.summary)?.[1]
  if (source.trim() === '') return { message: 'the expression is empty' }
  if (error.code === 'unterminated_string') {
    return { message: 'a text is not closed with its quote', hint }
  }
  if (expected !== undefined) {
    return { message: `${tokens[expected] ?? expected} is expected here`, hint }
  }
  if (error.code === 'reserved_identifier') {
    return { message: `"${text}" is a reserved word`, hint: hint ?? 'take another name' }
  }
  if (/^unexpected_(token|character)$/.test(error.code)) {
    return text === ''
      ? { message: 'the expression ends too early', hint }
      : { message: `"${text}" is not expected here`, hint }
  }
  return { message: error.summary, hint }
}

/** CEL's type names in the words of this product: data has numbers, not doubles. */
function plainTypes(text: string): string {
  return text
    .replace(/dyn<((?:[^<>]|<[^<>]*>)*)>/g, '$1')
    .replace(/\b(?:double|uint)\b/g, 'number')
    .replace(/\bdyn\b/g, 'any')
}

function operatorWording(types: string): Wording {
  const binary = /^(.+?) (==|!=|<=|>=|<|>|\+|-|\*|\/|%|in) (.+)$/.exec(types)
  if (binary === null) return { message: `${types} is not possible` }
  const [, left = '', operator = '', right = ''] = binary
  const message = `"${operator}" does not work between ${left} and ${right}`
  const text = left === 'string' || right === 'string'
  if (left === 'Secret' || right === 'Secret') {
    return { message, hint: 'a secret can be joined with text, compared by ==, or used whole' }
  }
  if (operator === '+' && text) return { message, hint: 'make a text of the other with string(x)' }
  if (text) return { message, hint: 'make a number of the text with int(x) or double(x)' }
  return { message }
}

function callWording(signature: string, names: readonly string[]): Wording {
  const name = /([A-Za-z_]\w*)\(/.exec(signature)?.[1] ?? signature
  if (names.includes(name)) {
    return signature.includes('Secret')
      ? { message: `"${name}" does not take a secret`, hint: 'use the secret as a whole value' }
      : { message: `"${name}" cannot be called as ${signature}` }
  }
  const hint = functionHint(name) ?? didYouMean(name, names)
  return { message: `there is no function "${name}"`, hint }
}

function typeWording(error: CelError, functionNames: readonly string[]): Wording {
  const summary = plainTypes(error.summary)
  const operator = /^no such overload: (.+)$/.exec(summary)?.[1]
  if (operator !== undefined) return operatorWording(operator)
  const call = /^found no matching overload for '(.+)'$/.exec(summary)?.[1]
  if (call !== undefined) return callWording(call, functionNames)
  if (error.code === 'incompatible_ternary_branches') {
    return { message: summary, hint: 'put dyn(...) around one of them if both are meant' }
  }
  if (error.code === 'invalid_condition_type' || error.code === 'invalid_logical_operand') {
    return { message: summary, hint: 'compare it: CEL does not take values for true or false' }
  }
  // cel-js prints the text that it could not convert, which may be anybody's output.
  if (error.code === 'bool_conversion_error') return { message: 'bool() takes "true" or "false"' }
  const number = /^(int|uint|double)_conversion_error$/.exec(error.code)?.[1]
  if (number !== undefined) {
    return {
      message: `${number}() takes a number, or a text that is one`,
      hint: 'look at what it is given; matches() tells whether a text is a number',
    }
  }
  if (summary.startsWith('it takes more than')) {
    return { message: summary, hint: 'do less at once: shorten the lists, or loop over steps' }
  }
  const index = /index (-?\S+) (?:< 0|>= size (\d+))$/.exec(summary)
  if (index !== null) {
    const size = index[2] === undefined ? '' : ` of ${index[2]}`
    return { message: `index ${index[1]} is outside the list${size}` }
  }
  return { message: summary }
}

/** The fault of an expression that does not parse or type-check, as the user reads it. */
export function compileFault(
  thrown: unknown,
  expression: { readonly source: string; readonly placeOf: PlaceOf | undefined },
  functionNames: readonly string[],
): BkpError {
  if (!isCelError(thrown)) return asBkpError(thrown, 'expression.invalid')
  const wording =
    thrown instanceof ParseError
      ? parseWording(thrown, expression.source)
      : typeWording(thrown, functionNames)
  return fault('expression.invalid', wording, placeOf(thrown, expression))
}

/** The fault of an expression that failed while it was evaluated, as the user reads it. */
export function evaluationFault(
  thrown: unknown,
  expression: Expression,
  known: { readonly variables: () => readonly string[]; readonly functions: readonly string[] },
): BkpError {
  if (thrown instanceof BkpError) return withPlace(thrown, expression)
  const whole = expression.placeOf?.(0, Math.max(1, expression.source.length))
  if (!isCelError(thrown)) {
    const message =
      thrown instanceof RangeError
        ? 'the expression is nested too deeply or its result is too large'
        : asBkpError(thrown).message
    return fault('expression.failed', { message }, whole)
  }
  const place = placeOf(thrown, expression)
  const variable = undisguised(/^Unknown variable: (.+)$/.exec(thrown.summary)?.[1] ?? '')
  if (thrown.code === 'unknown_variable' && variable !== '') {
    const hint = wordHint(variable) ?? didYouMean(variable, known.variables())
    return fault('expression.undefined', { message: `"${variable}" is not defined`, hint }, place)
  }
  if (thrown.code === 'no_such_key') {
    const key = thrown.summary.replace(/^No such key: /, '')
    const near = suggestionFor(thrown)
    const hint =
      near === undefined ? 'ask with default(x, y) or defined(x)' : `did you mean "${near}"?`
    return fault('expression.undefined', { message: `there is no field "${key}"`, hint }, place)
  }
  return fault('expression.failed', typeWording(thrown, known.functions), place)
}

/** Errors of variables that were rendered on the way keep their own place, where they have one. */
function withPlace(error: BkpError, expression: Expression): BkpError {
  const place = expression.placeOf?.(0, Math.max(1, expression.source.length))
  if (error.place !== undefined || place === undefined) return error
  return new BkpError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    place,
    cause: error.cause ?? error,
    faults: error.faults,
    details: error.details,
  })
}
