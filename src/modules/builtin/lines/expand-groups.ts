import { BkpError } from '../../../base/errors.ts'

const controls: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\u0007',
  '\\': '\\',
}

/** `\1`, `\12`, `\g<1>`, `\g<name>`, or any other character after a backslash. */
const reference = /\\(?:g<(\w*)>|([1-9]\d?)|([\s\S]))/g

/**
 * Text with `\1`, `\g<1>` and `\g<name>` replaced by what the groups captured, as Python's
 * `Match.expand` does; a group that took no part is empty.
 * @throws step.failed for a group that is not there, or an escape that means nothing
 */
export function expandGroups(
  text: string,
  groups: readonly (string | undefined)[],
  names: ReadonlyMap<string, number>,
): string {
  const group = (name: string): string => {
    const number = /^\d+$/.test(name) ? Number(name) : names.get(name)
    if (number !== undefined && number < groups.length) return groups[number] ?? ''
    throw new BkpError('step.failed', `line refers to group "${name}", which regexp has not`, {
      hint: `regexp has ${groups.length - 1} groups: parentheses make one`,
    })
  }
  return text.replace(
    reference,
    (whole, named: string | undefined, digits: string | undefined, other: string | undefined) => {
      const name = named ?? digits
      if (name !== undefined) return group(name)
      const known = controls[other ?? '']
      if (known !== undefined) return known
      if (!/[A-Za-z0-9]/.test(other ?? '')) return whole
      throw new BkpError('step.failed', `"${whole}" means nothing in line with backrefs`, {
        hint: 'write a backslash that is meant as one twice',
      })
    },
  )
}
