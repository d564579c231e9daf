import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import type { LocalFile, LocalTarget } from '../../src/modules/contract.ts'
import { moduleLoaders } from '../../src/modules/index.ts'
import { loadCatalogue } from '../../src/modules/load-catalogue.ts'
import { variablesOf } from '../contracts/module.ts'
import { dehydrate, revive } from './case-values.ts'

/** What a case file holds: what goes into plan, and what comes out. */
interface Case {
  readonly args: unknown
  readonly facts: unknown
  readonly local?: unknown
  readonly targets?: unknown
  /** The step's variables. */
  readonly variables?: unknown
  readonly decision?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown }
  /** Why nothing has to change; required where nothing changes. */
  readonly why?: string
}

const folder = new URL('./', import.meta.url)
/** Folders of JSON, one for each module; repository modules get their facts from a site instead. */
const modules = readdirSync(folder, { withFileTypes: true })
  .filter(each => each.isDirectory())
  .map(each => ({ name: each.name, files: casesOf(each.name) }))
  .filter(({ files }) => files.length > 0)

function casesOf(name: string): readonly string[] {
  return readdirSync(new URL(`${name}/`, folder)).filter(file => file.endsWith('.json'))
}

async function planCase(name: string, read: Case): Promise<unknown> {
  const loaded = await moduleLoaders[name]?.()
  if (loaded === undefined) throw new Error(`there is no module ${name}`)
  if (loaded.scope === 'cluster') {
    const args = revive(read.args) as Parameters<typeof loaded.module.plan>[0]['args']
    return loaded.module.plan({ args, facts: revive(read.facts) })
  }
  const { module } = loaded
  const args = revive(read.args) as Parameters<typeof module.plan>[0]['args']
  const facts = revive(read.facts) as Readonly<Record<string, never>>
  const local = revive(read.local) as readonly LocalFile[] | undefined
  // Every fact of a case must be one that the module asks for with these arguments.
  const further = module.inspectFurther?.({ args, facts }) ?? {}
  const asked = Object.keys({ ...module.inspect(args), ...further }).sort()
  expect(Object.keys(read.facts as object).sort(), 'facts of the case').toEqual(asked)
  const targets = revive(read.targets) as readonly LocalTarget[] | undefined
  const variables = revive(read.variables) as Readonly<Record<string, unknown>> | undefined
  return module.plan({
    args,
    facts,
    ...(local === undefined ? {} : { local }),
    ...(targets === undefined ? {} : { targets }),
    ...(variables === undefined ? {} : variablesOf(variables)),
  })
}

for (const { name, files } of modules) {
  describe(name, () => {
    for (const file of files) {
      const read = JSON.parse(readFileSync(new URL(`${name}/${file}`, folder), 'utf8')) as Case
      it(file.replace('.json', '').replaceAll('-', ' '), async () => {
        if (read.error !== undefined) {
          const thrown = await planCase(name, read).catch((error: unknown) => error)
          expect(thrown).toBeInstanceOf(BkpError)
          const { code, message, details } = thrown as BkpError
          expect({ code, message }).toEqual({ code: read.error.code, message: read.error.message })
          if (read.error.details !== undefined) expect(details).toEqual(read.error.details)
          return
        }
        const decision = await planCase(name, read)
        expect(dehydrate(decision)).toEqual(read.decision)
        if (read.decision?.['kind'] === 'unchanged') {
          expect(read.why, 'a case where nothing changes says why').toMatch(/\w/)
        }
        const again = await planCase(name, read)
        expect(dehydrate(again), 'plan is pure').toEqual(dehydrate(decision))
      })
    }
  })
}

describe('cases', () => {
  it.each(
    loadCatalogue()
      .names()
      .filter(name => !name.includes('.')),
  )('there are at least four for %s', name => {
    expect(modules.find(module => module.name === name)?.files.length ?? 0).toBeGreaterThan(3)
  })
})
