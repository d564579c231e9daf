/** `*` and `?` of ssh's patterns; everything else means itself. Capitals and small letters are equal. */
export function matchesPattern(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase()
  const text = name.toLowerCase()
  if (!/[*?]/.test(wanted)) return wanted === text
  let at = 0
  let star = -1
  let retry = 0
  let index = 0
  // Backtracks to the last star only: a pattern of many stars stays linear in the name.
  while (index < text.length) {
    if (at < wanted.length && wanted[at] === '*') {
      star = at
      at += 1
      retry = index
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === text[index])) {
      at += 1
      index += 1
    } else if (star >= 0) {
      at = star + 1
      retry += 1
      index = retry
    } else return false
  }
  while (wanted[at] === '*') at += 1
  return at === wanted.length
}

/** True when a pattern fits and no negated one (`!pattern`) does. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  const isNegated = patterns.some(p => p.startsWith('!') && matchesPattern(p.slice(1), name))
  return !isNegated && patterns.some(p => !p.startsWith('!') && matchesPattern(p, name))
}
