import { mask } from '../../base/secret.ts'

/**
 * Whether a text of a plan file, whose secrets are dots, may be this one: dots stand for anything on
 * their line. Secrets that became known since may be dots in `now`, too.
 */
export function matchesMasked(kept: string, now: string): boolean {
  if (kept === now) return true
  if (!kept.includes(mask)) return false
  const keptLines = kept.split('\n')
  const nowLines = now.split('\n')
  return (
    keptLines.length === nowLines.length &&
    keptLines.every((line, index) => matchesLine(line, nowLines[index] ?? ''))
  )
}

function matchesLine(kept: string, now: string): boolean {
  const [first = '', ...parts] = kept.split(mask)
  const last = parts.pop()
  if (last === undefined) return kept === now
  if (!now.startsWith(first) || !now.endsWith(last)) return false
  const end = now.length - last.length
  let at = first.length
  for (const part of parts) {
    const found = now.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= end
}
