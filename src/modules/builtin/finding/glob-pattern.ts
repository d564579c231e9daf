/** A character as a regular expression has it, in and outside of brackets. */
function plain(character: string): string {
  return /[\w\s]/.test(character) || character.charCodeAt(0) > 127 ? character : `\\${character}`
}

/** The end of a set that begins after `[`; -1 where none ends. */
function endOfSet(characters: readonly string[], from: number): number {
  const first = characters[from] === '!' ? from + 1 : from
  // A bracket that comes first is one of the set.
  return characters.indexOf(']', characters[first] === ']' ? first + 1 : first)
}

/** `[a-z]` and `[!a-z]`. */
function setPattern(inner: readonly string[]): string {
  const [first, ...rest] = inner
  const negated = first === '!'
  const members = (negated ? rest : inner).map(one => (one === '-' ? '-' : plain(one))).join('')
  // A hyphen at either end means itself.
  const escaped = members.replace(/^-/, '\\-').replace(/-$/, '\\-')
  return `[${negated ? '^' : ''}${escaped}]`
}

/**
 * The regular expression of a shell's file name pattern, as Python's fnmatch has it: `*`, `?`, `[a-z]`
 * and `[!a-z]`, for the whole name; a leading dot is a character like any other.
 */
export function globPattern(glob: string): string {
  const characters = [...glob]
  const pieces: string[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? ''
    const end = character === '[' ? endOfSet(characters, at + 1) : -1
    if (end >= 0) {
      pieces.push(setPattern(characters.slice(at + 1, end)))
      at = end
    } else pieces.push(character === '*' ? '.*' : character === '?' ? '.' : plain(character))
  }
  return `(?s)^${pieces.join('')}$`
}
