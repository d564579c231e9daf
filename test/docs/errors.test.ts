import { expect, it } from 'vitest'
import { errorCodes, exitCodes } from '../../src/base/errors.ts'
import { expectTable, page } from './tables.ts'

it('docs/errors.md lists every code with its exit status and meaning', async () => {
  const rows = Object.entries(errorCodes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { exit, doc }]) => [`\`${code}\``, String(exit), doc])
  await expectTable('errors.md', '<!-- codes -->', [['code', 'exit', 'meaning'], ...rows])
})

it('docs/errors.md lists every exit status', () => {
  const [head = ''] = page('errors.md').split('<!-- codes -->')
  const listed = [...head.matchAll(/^\| (\d+) \|/gm)].map(([, status]) => Number(status))
  expect(listed).toEqual(Object.values(exitCodes).sort((a, b) => a - b))
})
