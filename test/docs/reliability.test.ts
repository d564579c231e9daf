import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')

/** Each row of the fault matrix with the tests that the page names for it. */
const rows = new Map(
  [...page.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, row = '', tests = '']) => [
    Number(row),
    [...tests.matchAll(/\[[^\]]+\]\(\.\.\/([^)]+)\): "([^"]+)"/g)].map(
      ([, path = '', title = '']) => ({ path, title }),
    ),
  ]),
)

describe('docs/reliability.md', () => {
  it('names a test for every row of the fault matrix', () => {
    expect([...rows.keys()]).toEqual(Array.from({ length: 52 }, (_, index) => index + 1))
    expect([...rows].filter(([, tests]) => tests.length === 0)).toEqual([])
  })

  it.each([...rows])('row %i: the tests are there', (_row, tests) => {
    for (const { path, title } of tests) {
      const source = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
      expect(source.includes(title), `${path}: ${title}`).toBe(true)
    }
  })

  it('links only to what is there', () => {
    for (const [, path = ''] of page.matchAll(/\]\(\.\.\/([^)#]+)\)/g)) {
      expect(readFileSync(new URL(`../../${path}`, import.meta.url)).length, path).toBeGreaterThan(
        0,
      )
    }
  })
})
