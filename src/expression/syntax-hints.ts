/** What a user who writes Jinja or Python meant, and how CEL says it. */
interface Habit {
  readonly pattern: RegExp
  /** The hint, from the match. */
  readonly hint: (match: RegExpExecArray) => string
}

const path = String.raw`[A-Za-z_][\w.]*(?:\[[^\]]*\])*`

/** Jinja's filters by the CEL for them; x is the value. */
const filters: Readonly<Record<string, string>> = {
  d: 'default(x, y)',
  default: 'default(x, y)',
  length: 'size(x)',
  count: 'size(x)',
  join: 'x.join(", ")',
  to_json: 'json(x)',
  to_nice_json: 'json(x)',
  tojson: 'json(x)',
  int: 'int(x)',
  float: 'double(x)',
  string: 'string(x)',
  bool: 'bool(x)',
  lower: 'x.lowerAscii()',
  upper: 'x.upperAscii()',
  trim: 'x.trim()',
  first: 'x[0]',
  last: 'x[size(x) - 1]',
  split: 'x.split(",")',
  map: 'x.map(e, e.name)',
  select: 'x.filter(e, e > 1)',
  selectattr: 'x.filter(e, e.name == "a")',
  reject: 'x.filter(e, !(e > 1))',
  rejectattr: 'x.filter(e, e.name != "a")',
  list: 'x',
}

const habits: readonly Habit[] = [
  {
    pattern: new RegExp(String.raw`(${path})\s+is\s+not\s+defined`),
    hint: ([, name]) => `write !defined(${name})`,
  },
  {
    pattern: new RegExp(String.raw`(${path})\s+is\s+undefined`),
    hint: ([, name]) => `write !defined(${name})`,
  },
  {
    pattern: new RegExp(String.raw`(${path})\s+is\s+defined`),
    hint: ([, name]) => `write defined(${name})`,
  },
  {
    pattern: new RegExp(String.raw`(${path})\s+is\s+(not\s+)?none`, 'i'),
    hint: ([, name, not]) => `write ${name} ${not === undefined ? '==' : '!='} null`,
  },
  {
    pattern: /\sis\s+(?:not\s+)?[a-z]+/,
    hint: () => 'CEL has no tests with "is": compare, or call a function',
  },
  {
    pattern: new RegExp(String.raw`(${path})\s*\|\s*(?:default|d)\s*\(([^()]*)\)`),
    hint: ([, name, fallback]) => `write default(${name}, ${fallback?.split(',')[0]?.trim()})`,
  },
  {
    pattern: /(?<!\|)\|(?!\|)\s*([A-Za-z_]\w*)?/,
    hint: ([, name]) => {
      const instead = name === undefined ? undefined : filters[name]
      return instead === undefined
        ? 'CEL has no filters: call a function, f(x), or a method, x.f()'
        : `CEL has no filters: write ${instead}`
    },
  },
  { pattern: /\bnot\s+in\b/, hint: () => 'write !(x in list)' },
  { pattern: /\bif\b.*\belse\b/s, hint: () => 'write condition ? a : b' },
  { pattern: /\band\b/, hint: () => 'CEL writes "and" as &&' },
  { pattern: /\bor\b/, hint: () => 'CEL writes "or" as ||' },
  { pattern: /\bnot\b/, hint: () => 'CEL writes "not" as !' },
  { pattern: /(?<![=!<>])=(?!=)/, hint: () => 'to compare, write ==' },
  { pattern: /~/, hint: () => 'to join texts, write +; string(x) makes a text of a number' },
  { pattern: /(?<!&)&(?!&)/, hint: () => 'CEL writes "and" as &&' },
  {
    pattern: /^\s*[.#/>]/,
    hint: () => 'if {{ is meant as it stands, put a backslash before it: \\{{',
  },
  { pattern: /\{\{|\}\}/, hint: () => 'a bare expression has no {{ }} around it' },
]

/** Texts in quotes as dots, so that words in them are not taken for operators; same length. */
function withoutTexts(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, text =>
    /^["']\w*["']$/.test(text) ? text : '.'.repeat(text.length),
  )
}

/** The habits' patterns are quadratic, and what someone meant shows in the first characters. */
const searchedCharacters = 500

/** How CEL says what the beginning of the source seems to mean. */
export function syntaxHint(source: string): string | undefined {
  const bare = withoutTexts(source.slice(0, searchedCharacters))
  for (const { pattern, hint } of habits) {
    const match = pattern.exec(bare)
    if (match !== null) return hint(match)
  }
  return undefined
}

const functions: Readonly<Record<string, string>> = {
  len: 'size(x)',
  length: 'size(x)',
  count: 'size(x)',
  str: 'string(x)',
  float: 'double(x)',
  upper: 'x.upperAscii()',
  lower: 'x.lowerAscii()',
  strip: 'x.trim()',
  startswith: 'x.startsWith(y)',
  endswith: 'x.endsWith(y)',
  splitlines: 'lines(x)',
  any: 'x.exists(e, e > 1)',
  keys: 'x.map(key, key)',
  items: 'x.map(key, x[key])',
  values: 'x.map(key, x[key])',
  replace: 'x.split(old).join(new)',
  lookup: 'an inventory value { env: NAME } or { file: PATH }',
  env: 'an inventory value { env: NAME }',
  get: 'default(x.field, y)',
}

/** The CEL for a function that other languages have. */
export function functionHint(name: string): string | undefined {
  const instead = Object.hasOwn(functions, name) ? functions[name] : undefined
  return instead === undefined ? undefined : `use ${instead}`
}

const words: Readonly<Record<string, string>> = {
  True: 'true',
  False: 'false',
  None: 'null',
  none: 'null',
  nil: 'null',
  yes: 'true',
  no: 'false',
}

/** The CEL for a constant that other languages have. */
export function wordHint(name: string): string | undefined {
  const instead = Object.hasOwn(words, name) ? words[name] : undefined
  return instead === undefined ? undefined : `CEL writes it ${instead}`
}
