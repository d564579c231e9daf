import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { orAsTheyWere } from '../../src/cli/stored-run.ts'

test('files that are gone are as they were journaled, and so are their folders', () => {
  const gone = '/nowhere-of-bkp/play'
  const files = orAsTheyWere(
    {
      documents: [
        { path: `${gone}/roles/r/tasks/main.yml`, text: 'a' },
        { path: `${gone}/roles/r/vars/main.yml`, text: 'b' },
        { path: `${gone}/book.yml`, text: 'c' },
      ],
    },
    path => resolve('/', path),
  )
  expect(['', '/roles/r', '/roles/q', '/book.yml'].map(path => files.kind(gone + path))).toEqual([
    'directory',
    'directory',
    undefined,
    'file',
  ])
  expect(files.list(`${gone}/roles/r`)).toEqual(['tasks', 'vars'])
  expect(files.real(`${gone}/roles/r`)).toBe(`${gone}/roles/r`)
  expect(String(Buffer.from(files.read(`${gone}/book.yml`)))).toBe('c')
})
