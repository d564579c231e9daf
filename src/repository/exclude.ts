import { BkpError } from '../base/errors.ts'

/** Says of a path relative to its root whether it is left out. */
export type Exclude = (relative: Uint8Array) => boolean

/**
 * Glob patterns on the path relative to the root: `*` and `?` within a name, `[...]` one of some
 * characters, `**` any number of folders. A pattern without a slash matches a name at any depth; one
 * with a slash begins at the root. What lies below a match is left out too; the root itself never is.
 * @throws usage.invalid
 */
export function compileExclude(patterns: readonly string[]): Exclude {
  const expressions = patterns.map(compile)
  return relative => {
    if (relative.length === 0) return false
    const text = Buffer.from(relative).toString('latin1')
    return expressions.some(expression => expression.test(text))
  }
}

/** Bytes stand for themselves, so that names which are not UTF-8 can be matched. */
function compile(pattern: string): RegExp {
  const trimmed = pattern.replace(/^\//, '').replace(/\/+$/, '')
  if (trimmed === '' || trimmed.length > 1000) {
    throw new BkpError('usage.invalid', `"${pattern.slice(0, 80)}" is not an exclude pattern`, {
      hint: 'write a name such as *.log, or a path below the root such as cache/tmp',
    })
  }
  const anchored = pattern.replace(/\/+$/, '').includes('/')
  const bytes = Buffer.from(trimmed).toString('latin1')
  const body = translate(bytes, pattern)
  return new RegExp(`^${anchored ? '' : '(?:.*/)?'}${body}(?:/|$)`, 's')
}

function translate(glob: string, pattern: string): string {
  let out = ''
  for (let at = 0; at < glob.length; ) {
    const rest = glob.slice(at)
    const [token = ''] = /^\*\*\/|^\*\*|^\*|^\?|^\[!?\]?[^\]]*\]|^\\./s.exec(rest) ?? [
      rest.slice(0, 1),
    ]
    out += translateToken(token)
    at += token.length
  }
  try {
    new RegExp(out)
  } catch (error) {
    throw new BkpError('usage.invalid', `"${pattern}" is not an exclude pattern`, {
      cause: error,
      hint: 'a range in brackets runs from the lower to the higher character',
    })
  }
  return out
}

function translateToken(token: string): string {
  switch (token) {
    case '**/':
      return '(?:[^/]+/)*'
    case '**':
      return '.*'
    case '*':
      return '[^/]*'
    case '?':
      return '[^/]'
  }
  if (token.length > 1 && token.startsWith('[')) {
    const negated = token.startsWith('[!')
    const inner = token.slice(negated ? 2 : 1, -1).replace(/[\\\]^[]/g, '\\$&')
    return negated ? `[^/${inner}]` : `(?!/)[${inner}]`
  }
  const literal = token.length > 1 && token.startsWith('\\') ? token.slice(1) : token
  return literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
