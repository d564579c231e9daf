import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { inputsOf } from './inputs.ts'
import { rows } from './rows.ts'

const root = new URL('../../', import.meta.url)
const folder = new URL('.', import.meta.url)
const groups = readdirSync(folder, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name)
const numberOf = (name: string): number => Number(/^\d+/.exec(name)?.[0])

describe('the list of bad inputs', () => {
  test('has its 77 lines', () => {
    expect(Object.keys(rows).map(Number)).toEqual(Array.from({ length: 77 }, (_, i) => i + 1))
  })

  test.each(Object.entries(rows))('%s: %j', (number, row) => {
    if ('group' in row) {
      const own = inputsOf(row.group).names.filter(name => numberOf(name) === Number(number))
      expect(own).not.toEqual([])
    } else if ('tests' in row) {
      for (const [file, words] of row.tests) {
        expect(readFileSync(new URL(file, root), 'utf8')).toContain(words)
      }
    } else expect(row.later).not.toBe('')
  })

  test.each(groups)(
    '%s: every file has its line, or is one more (x-), and what it is told',
    group => {
      const { names, expected } = inputsOf(group)
      for (const name of names) {
        expect(name).toMatch(/^(\d\d|x)-/)
        if (!name.startsWith('x-')) expect(rows[numberOf(name)], name).toBeDefined()
        expect(existsSync(expected(name)), name).toBe(true)
      }
      const told = readdirSync(fileURLToPath(new URL(`${group}/`, folder)))
        .filter(name => name.endsWith('.expected'))
        .map(name => name.replace(/\.expected$/, ''))
      expect(told.sort()).toEqual(names)
    },
  )
})
