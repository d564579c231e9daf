import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runCli } from '../cli/run-cli.ts'
import { page } from './tables.ts'

const text = page('nebula.md')

/** A word of each row of specs/nebula.md §4, by its number. */
const pains = [
  'nebula-br#6,',
  'nebula-br#18',
  'nebula#2435',
  'nebula-br#52',
  'nebula-br#31',
  'nebula-br#16',
  'nebula-br#47',
  'nebula-br#39',
  'nebula-br#51',
  'nebula-br#61',
  'nebula-br#26',
  'nebula-br#54',
  'nebula-agent#63',
  'nebula-br#62',
  'nebula-br#48',
  'nebula-operator#448',
  'nebula-operator#456',
  'nebula-operator#463',
  'nebula-operator#460',
  'nebula-br#43',
  'nebula#5574',
  'nebula#2736',
  'nebula#1229',
  'nebula#5144',
  'BR 2.0',
  'nebula-br#28',
]

/** And of each row of §6, in its order. */
const situations = [
  'before createBackup',
  'during createBackup',
  'client timeout',
  'between createBackup and download',
  'storaged offline',
  'no storaged online',
  'balance job',
  'space missing',
  'writes stay blocked',
  'checkpoint folder missing',
  'WAL not under checkpoint',
  'several data paths',
  'relative paths',
  'NAT',
  'several storageds on one host',
  'upload fails',
  'pinned too long',
  'not enough room',
  'not found',
  'files stay',
  'names of one second',
  'version skew',
  'cluster down',
  'topology mismatch',
  'daemon still running',
  'mount point',
  'half-way',
  'quorum',
  'raft state',
  'restoreMeta retried',
  'unreadable by service user',
  'owned by the SSH user',
  'cluster.id',
  'new addresses',
  'sessions and users',
  'listeners',
  'partial restore',
  'end state',
]

/** Rows that no test shows: only ever fewer. */
const mostUncovered = 0

interface Row {
  readonly number: number
  readonly cells: readonly string[]
}

/** The rows of the table below a heading; a `|` in a cell is escaped. */
function rowsBelow(heading: string): readonly Row[] {
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  const [table = ''] = section.split('\n## ')
  return [...table.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, number = '', rest = '']) => ({
    number: Number(number),
    cells: rest.split(/(?<!\\)\s\|\s/),
  }))
}

const painRows = rowsBelow('What others suffered')
const situationRows = rowsBelow('What can go wrong')
const all = [...painRows, ...situationRows]
const isCovered = ({ cells }: Row): boolean => cells.at(-1) !== 'not covered'

describe('docs/nebula.md', () => {
  it.each([
    ['thread', painRows, pains],
    ['situation', situationRows, situations],
  ] as const)('has a row for each %s of the notes, with nothing left empty', (_, rows, words) => {
    expect(rows.map(({ number }) => number)).toEqual(words.map((_word, index) => index + 1))
    for (const [index, word] of words.entries()) {
      const { cells = [] } = rows[index] ?? {}
      expect(cells).toHaveLength(4)
      expect(cells[0]).toContain(word)
      for (const cell of cells) expect(cell.trim()).not.toBe('')
    }
  })

  it('names a test for each row, or says that there is none', () => {
    expect(all.filter(row => !isCovered(row)).length).toBeLessThanOrEqual(mostUncovered)
  })

  it('names tests that there are', () => {
    for (const { cells } of all.filter(isCovered)) {
      const cell = cells.at(-1) ?? ''
      const named = [...cell.matchAll(/\[[^\]]+\]\(\.\.\/([^)]+)\): "([^"]+)"/g)]
      expect(named.length, cell).toBeGreaterThan(0)
      for (const [, path = '', title = ''] of named) {
        const url = new URL(`../../${path}`, import.meta.url)
        expect(existsSync(url), path).toBe(true)
        expect(readFileSync(url, 'utf8').includes(title), `${path}: ${title}`).toBe(true)
      }
    }
  })
})

describe.each(['backup', 'restore'])('playbooks/%s.yml', name => {
  it.each([[], ['-e', 'kind=files']])('takes the playbook of the kind (%s)', async (...given) => {
    const { status, stderr } = await runCli(['validate', `playbooks/${name}.yml`, ...given])
    expect(status, stderr).toBe(0)
  })
})
