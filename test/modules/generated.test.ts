import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { generateFiles } from '../../src/cli/generate.ts'

describe('generated files', async () => {
  const files = await generateFiles()
  it.each([...files.keys()])('%s is what the code says (npx tsx src/cli/generate.ts)', path => {
    const checkedIn = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
    expect(checkedIn).toBe(files.get(path))
  })
})
