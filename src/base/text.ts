import { distance } from 'fastest-levenshtein'

/** The candidate nearest to a misspelt word, when one is near enough to be meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const allowed = word.length <= 4 ? 1 : word.length <= 8 ? 2 : 3
  let best: { readonly candidate: string; readonly score: number } | undefined
  for (const candidate of candidates) {
    const score = distance(word.toLowerCase(), candidate.toLowerCase())
    if (score <= allowed && (best === undefined || score < best.score)) best = { candidate, score }
  }
  return best?.candidate
}

/** `did you mean "x"?` for a misspelt word, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const near = nearest(word, candidates)
  return near === undefined ? undefined : `did you mean "${near}"?`
}

/** Makes control characters visible, so that a host's output cannot steer the terminal. */
export function escapeControls(text: string, keep: { readonly newlines: boolean }): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, c =>
    keep.newlines && (c === '\n' || c === '\t')
      ? c
      : c === '\n'
        ? '\\n'
        : c === '\t'
          ? '\\t'
          : `\\u{${c.codePointAt(0)?.toString(16)}}`,
  )
}

/** Orders texts by their code units, for `sort`: the same in every locale. */
export function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
