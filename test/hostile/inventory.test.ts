import { describe, expect, test } from 'vitest'
import { shown } from '../runbook/support/errors.ts'
import { inventoryOf } from '../runbook/support/inventory.ts'
import { inputsOf } from './inputs.ts'
import { told } from './told.ts'

const inputs = inputsOf('inventory')
const read = (name: string) =>
  inventoryOf({ '/inv/hosts.yml': Buffer.from(inputs.bytes(name)).toString() })

describe('a hostile inventory is told what is wrong with it, and where', () => {
  test.each(inputs.names)('%s', async name => {
    const said = told(() => ['fine', ...read(name).warnings, ''].join('\n'))
    await expect(said).toMatchFileSnapshot(inputs.expected(name))
  })

  test('nothing that steers a terminal is shown as it is', () => {
    const text = shown(() => read('43-control-characters.yml'))
    expect(text).toContain('a\\nb')
    expect(text).not.toContain('\u001b')
  })
})
