import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from './run-cli.ts'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const folder = temporaryFolder()
afterAll(folder.remove)

/** Writes down every module that is resolved, in the process that is looked at. */
const log = join(folder.path, 'modules')
const hooks = join(folder.path, 'hooks.mjs')
const start = join(folder.path, 'start.mjs')
writeFileSync(
  hooks,
  `import { appendFileSync } from 'node:fs'
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context)
  appendFileSync(${JSON.stringify(log)}, resolved.url + '\\n')
  return resolved
}
`,
)
writeFileSync(
  start,
  `import { register } from 'node:module'\nregister(${JSON.stringify(pathToFileURL(hooks).href)})\n`,
)

/** Packages, and files of our own, that a command line loads. */
function loadedBy(...words: readonly string[]) {
  rmSync(log, { force: true })
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', pathToFileURL(start).href, program, ...words],
    { encoding: 'utf8' },
  )
  const urls = new Set(readFileSync(log, 'utf8').trim().split('\n'))
  const files = [...urls].filter(url => url.startsWith('file:'))
  const packages = files.flatMap(url => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  const own = files.flatMap(url => /\/dist\/(.*)$/.exec(url)?.[1] ?? [])
  return { status, stderr, packages: [...new Set(packages)].sort(), own }
}

/** Besides commander: what guesses at misspelt words, a single small file. */
const light = ['commander', 'fastest-levenshtein']

// Times depend on the machine; what is loaded does not. Of 150 ms, node itself takes 40.
test('the help loads commander and little else', () => {
  const { status, packages, own } = loadedBy('--help')
  expect(status).toBe(0)
  expect(packages).toEqual(light)
  expect(own.filter(file => file.startsWith('cli/commands/'))).toEqual(['cli/commands/index.js'])
  expect(own.filter(file => !/^(cli|base)\//.test(file))).toEqual([])
})

test('the version and a command that is not known load no more', () => {
  expect(loadedBy('--version').packages).toEqual(light)
  const { status, stderr, packages } = loadedBy('lsit')
  expect({ status, packages }).toEqual({ status: 5, packages: light })
  expect(stderr).toContain('Did you mean list?')
})

test('a command loads its own file alone', () => {
  const { own } = loadedBy('runs', '--help')
  const commands = own.filter(file => file.startsWith('cli/commands/'))
  expect(commands.sort()).toEqual(['cli/commands/index.js', 'cli/commands/runs.js'])
})
