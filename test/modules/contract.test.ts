import { describe, expect, it } from 'vitest'
import { moduleLoaders } from '../../src/modules/index.ts'
import { loadCatalogue } from '../../src/modules/load-catalogue.ts'
import { moduleSchemaContract } from '../contracts/module.ts'

const catalogue = loadCatalogue()

describe('every module', () => {
  for (const name of catalogue.names()) {
    const entry = catalogue.get(name)
    if (entry !== undefined) moduleSchemaContract(entry)
  }

  it('can be loaded by the name it has', async () => {
    expect(Object.keys(moduleLoaders)).toEqual(catalogue.names())
    for (const [name, load] of Object.entries(moduleLoaders)) {
      const { scope, module } = await load()
      expect(module.name).toBe(name)
      expect(scope).toBe(catalogue.get(name)?.scope)
      expect(Object.isFrozen(module)).toBe(true)
    }
  })
})
