import { describe, expect, it } from 'vitest'
import { limitOf } from '../../src/cli/limit.ts'
import { memoryFiles } from '../runbook/support/memory-files.ts'

const files = memoryFiles({
  '/here/failed.retry': 'db2\n\n  web1  \n',
  '/here/one': 'web:&live\n',
  '/here/empty': '\n \n',
})
const limit = (...flags: readonly string[]) => limitOf(flags, '/here', files)

describe('--limit', () => {
  it('is everything without a flag', () => {
    expect(limitOf(undefined, '/here', files)).toBeUndefined()
  })

  it.each([
    [['web'], 'web'],
    [['web:&live'], 'web:&live'],
    [['web', '!web1'], 'web,!web1'],
    [['web:&live', '!web1'], 'web,&live,!web1'],
    [['@failed.retry'], 'db2,web1'],
    [['@/here/failed.retry', 'web2'], 'db2,web1,web2'],
    [['web2,@failed.retry'], 'web2,db2,web1'],
    [['@one'], 'web,&live'],
    [['@one', 'db'], 'web,&live,db'],
    [['fd00::1'], 'fd00::1'],
    [['fd00::1', 'web'], 'fd00::1,web'],
  ])('%j is %s', (flags, expected) => {
    expect(limit(...flags)).toBe(expected)
  })

  it('names a file that is not there, and one that says nothing', () => {
    expect(() => limit('@absent')).toThrow(expect.objectContaining({ code: 'usage.file_missing' }))
    expect(() => limit('@empty')).toThrow(expect.objectContaining({ code: 'hosts.none_matched' }))
  })
})
