/** What begins an expression, or a statement that is refused. */
const openings = /(\\*)(\{\{|\{%)/g

/** Text that renders to the given text, whatever looks like an expression in it. */
export function literalText(text: string): string {
  // A backslash before an expression is doubled: a single one would make its braces a literal.
  return text.replace(
    openings,
    (_, slashes: string, opening: string) =>
      `${slashes === '' ? '' : `\\${slashes}`}{{ "${opening}" }}`,
  )
}

/** The text that `literalText` was made of, for values that are never rendered. */
export function plainText(text: string): string {
  return text.replace(
    /(\\*)\{\{ "(\{\{|\{%)" \}\}/g,
    (_, slashes: string, opening: string) => `${slashes.slice(1)}${opening}`,
  )
}
