/**
 * A shell glob as a test of whole names, by the rules of Python's fnmatch, which Ansible's patterns
 * follow: `*`, `?`, `[seq]` and `[!seq]`; case counts. A bracket that is not closed stands for itself.
 */
export function globTest(pattern: string): (name: string) => boolean {
  const source = pattern.replace(
    /\[(?!!\])(!?)(\][^\]]*|[^\]]+)\]|[\s\S]/g,
    (piece, negation, set) => {
      if (set !== undefined) return setSource(negation !== '', String(set))
      if (piece === '*') return '.*'
      return piece === '?' ? '.' : piece.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    },
  )
  const regex = new RegExp(`^(?:${source})$`, 's')
  return name => regex.test(name)
}

function setSource(isNegated: boolean, set: string): string {
  const ranges = set.replace(/(.)-(.)/gs, (range, from: string, to: string) =>
    // A range that runs backwards matches nothing, and no RegExp takes it.
    from > to ? '' : range,
  )
  if (ranges === '') return isNegated ? '.' : '(?!)'
  return `[${isNegated ? '^' : ''}${ranges.replace(/[\\\]^[]/g, '\\$&')}]`
}
