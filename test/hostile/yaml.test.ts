import { describe, expect, test } from 'vitest'
import { readPlaybook } from '../../src/runbook/playbook/playbook.ts'
import { createCatalogue } from '../runbook/support/catalogue.ts'
import { memoryFiles, testSecrets } from '../runbook/support/memory-files.ts'
import { inputsOf } from './inputs.ts'
import { told } from './told.ts'

const inputs = inputsOf('yaml')

function read(source: Uint8Array) {
  const options = { catalogue: createCatalogue(), files: memoryFiles({}), secrets: testSecrets() }
  return readPlaybook({ path: 'playbook.yml', source, ...options })
}

describe('hostile YAML is told what is wrong with it, and where', () => {
  test.each(inputs.names)('%s', async name => {
    const source = inputs.bytes(name)
    const said = told(() => `fine: ${read(source).playbook.plays.length} play\n`)
    await expect(said).toMatchFileSnapshot(inputs.expected(name))
  })
})
