import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { followedOptions } from '../../src/connection/ssh/options.ts'

const text = readFileSync(new URL('../../docs/connections.md', import.meta.url), 'utf8')

describe('docs/connections.md', () => {
  test.each(followedOptions)('names the option %s', option => {
    expect(text).toContain(`\`${option}\``)
  })
})
