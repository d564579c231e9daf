import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorCodes, exitCodes } from '../../src/base/errors.ts'

const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const [head = '', table = ''] = text.split('<!-- codes -->')

it('docs/errors.md lists every code with its exit status and meaning', () => {
  const rows = Object.entries(errorCodes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { exit, doc }]) => `| \`${code}\` | ${exit} | ${doc} |`)
  expect(table.trim().split('\n')).toEqual(['| code | exit | meaning |', '|---|---|---|', ...rows])
})

it('docs/errors.md lists every exit status', () => {
  const listed = [...head.matchAll(/^\| (\d+) \|/gm)].map(([, status]) => Number(status))
  expect(listed).toEqual(Object.values(exitCodes).sort((a, b) => a - b))
})
