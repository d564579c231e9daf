import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

/** The text of a page of docs/. */
export function page(name: string): string {
  return readFileSync(pathOf(name), 'utf8')
}

/**
 * Expects the table behind a page's marker (`<!-- codes -->`, to the next heading or the end) to be
 * this one. `npx vitest run --project unit test/docs -u` writes it.
 */
export async function expectTable(
  name: string,
  marker: string,
  rows: readonly (readonly string[])[],
): Promise<void> {
  const text = page(name)
  const from = text.indexOf(marker)
  if (from < 0) throw new Error(`docs/${name} has no ${marker}`)
  const to = text.indexOf('\n#', from)
  const [head = [], ...body] = rows
  const lines = [head, head.map(() => '---'), ...body].map(cells => `| ${cells.join(' | ')} |`)
  const rest = to < 0 ? '' : text.slice(to)
  const whole = `${text.slice(0, from)}${marker}\n\n${lines.join('\n')}\n${rest}`
  await expect(whole).toMatchFileSnapshot(pathOf(name))
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../../docs/${name}`, import.meta.url))
}
