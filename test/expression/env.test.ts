import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../src/expression/compile.ts'
import { evaluate } from '../../src/expression/evaluate.ts'
import { environmentName } from '../../src/expression/functions.ts'
import { createScope, literal } from '../../src/expression/scope.ts'

const environment: Readonly<Record<string, string>> = { STATE: '/tmp/state', EMPTY: '' }
const read = (name: string) => environment[name]
const scope = createScope([new Map([[environmentName, literal(read)]])])
const valued = (source: string) => evaluate(compileExpression(source), scope)

describe('env', () => {
  it.each([
    ['env("STATE")', '/tmp/state'],
    ['env("STA" + "TE") + "/f"', '/tmp/state/f'],
    ['["STATE", "EMPTY"].map(name, env(name))', ['/tmp/state', '']],
    ['default(env("NOWHERE"), "none")', 'none'],
  ])('%s', (source, value) => {
    expect(valued(source)).toEqual(value)
  })

  it('names a variable that is not there', () => {
    expect(() => valued('env("NOWHERE")')).toThrow('NOWHERE')
  })

  it('is not there where nobody gave an environment', () => {
    const bare = createScope([])
    expect(() => evaluate(compileExpression('env("STATE")'), bare)).toThrow('STATE')
  })
})
