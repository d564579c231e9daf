import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Each attempt of a file writes a line; what it then says decides whether it fails. */
const attempt = (body: string): string => `
  import { appendFileSync, readFileSync } from 'node:fs'
  import { expect, it } from 'vitest'
  const file = import.meta.filename + '.attempts'
  it('passes', () => {
    appendFileSync(file, 'x')
    const attempts = readFileSync(file, 'utf8').length
    ${body}
  })`

describe('test/run.ts', () => {
  let folder: string
  beforeEach(() => {
    // Below the project, where vitest is found.
    mkdirSync(join(root, '.cache'), { recursive: true })
    folder = mkdtempSync(join(root, '.cache/attempts-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, body: string): void =>
    writeFileSync(join(folder, `${name}.test.js`), attempt(body))
  const attemptsOf = (name: string): number =>
    readFileSync(join(folder, `${name}.test.js.attempts`), 'utf8').length
  const run = (env: NodeJS.ProcessEnv) => {
    writeFileSync(join(folder, 'vitest.config.js'), 'export default {}')
    const words = ['--import', 'tsx', join(root, 'test/run.ts'), '--root', folder]
    const bin = join(root, 'node_modules/.bin')
    return spawnSync(process.execPath, words, {
      cwd: root,
      env: { PATH: `${bin}:${process.env['PATH']}`, ...env },
      encoding: 'utf8',
    })
  }

  it('runs files that failed once more in CI, and no others', () => {
    write('shaky', 'expect(attempts).toBe(2)')
    write('sound', 'expect(attempts).toBe(1)')
    const { status, stderr } = run({ CI: 'true' })
    expect(stderr).toMatch(/failed, and is run once more: \S+shaky\.test\.js\n/)
    expect(stderr).toMatch(/passed the second time/)
    expect([status, attemptsOf('shaky'), attemptsOf('sound')]).toEqual([0, 2, 1])
  })

  it('fails where they fail again', () => {
    write('broken', 'expect(attempts).toBe(0)')
    const { status, stderr } = run({ CI: 'true' })
    expect(stderr).toMatch(/FAILED the second time/)
    expect([status, attemptsOf('broken')]).toEqual([1, 2])
  })

  it('fails at once elsewhere', () => {
    write('shaky', 'expect(attempts).toBe(2)')
    expect([run({}).status, attemptsOf('shaky')]).toEqual([1, 1])
  })
})
