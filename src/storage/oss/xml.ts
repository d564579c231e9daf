/**
 * The few things that are read of an answer past ali-oss, which drops them: errors of single keys,
 * and whether a list was one. Names hold no `<`, so that elements end where they seem to.
 */

/** What stands between each opening and closing tag of that name. */
export function elements(text: string, name: string): readonly string[] {
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(
    ([, content = '']) => content,
  )
}

/** The text of the first element of that name. */
export function elementText(text: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1]
  return found === undefined ? undefined : unescaped(found)
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

function unescaped(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi,
    (all, ten, hex, name) => {
      if (name !== undefined) return entities[name as string] ?? all
      const point = ten === undefined ? Number.parseInt(hex, 16) : Number(ten)
      return point <= 0x10ffff ? String.fromCodePoint(point) : all
    },
  )
}
