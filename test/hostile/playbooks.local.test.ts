import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { inputsOf } from './inputs.ts'
import { outcomeOf, scene } from './run-hostile.ts'

const { here, remove } = scene()
afterAll(remove)

describe.each([
  ['expressions and values', inputsOf('templates')],
  ['output of hosts', inputsOf('output')],
])('hostile %s', (_, inputs) => {
  test.each(inputs.names)('%s', async name => {
    writeFileSync(join(here, name), inputs.bytes(name))
    const said = await outcomeOf(here, ['run', join(here, name), '-i', join(here, 'inventory.yml')])
    expect(said).not.toContain('canary-4711')
    expect(said).not.toContain('hunter2')
    await expect(said).toMatchFileSnapshot(inputs.expected(name))
  })
})
