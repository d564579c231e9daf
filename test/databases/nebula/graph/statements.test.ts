import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  dropSnapshotStatement,
  quoteName,
  showJob,
} from '../../../../src/databases/nebula/graph/statements.ts'

it.each(['nba', '图空间', 'a b', 'x; DROP SPACE y', "it's", 'SPACE'])(
  'quotes the name %j',
  name => {
    expect(quoteName(name)).toBe(`\`${name}\``)
  },
)

it.each(['', 'a`; DROP SPACE b; USE `c', 'a\\', 'a\nb', 'a\u0000', '\udc80', 'x'.repeat(2000)])(
  'refuses the name %j',
  name => {
    expect(() => quoteName(name)).toThrow(/is no name of a space/)
  },
)

it('never lets a name out of its quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), name => {
      let quoted: string
      try {
        quoted = quoteName(name)
      } catch {
        return
      }
      expect(quoted.slice(1, -1)).not.toMatch(/[`\\\p{Cc}]/u)
    }),
  )
})

it('drops only what has the name of a snapshot or backup', () => {
  expect(dropSnapshotStatement('SNAPSHOT_2021_03_09_08_43_12').text).toBe(
    'DROP SNAPSHOT SNAPSHOT_2021_03_09_08_43_12',
  )
  expect(() => dropSnapshotStatement('x; DROP SPACE y')).toThrow(/no name of a snapshot/)
})

it('takes numbers of jobs', () => {
  expect(showJob(98n).text).toBe('SHOW JOB 98')
  expect(() => showJob(-1n)).toThrow(/no number of a job/)
})
