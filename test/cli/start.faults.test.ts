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

/**
 * Packages, and sources of our own, that a command line loads. The build puts many into one file: its
 * source map tells which.
 */
function loadedBy(...words: readonly string[]) {
  rmSync(log, { force: true })
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', pathToFileURL(start).href, program, ...words],
    { encoding: 'utf8', env: { ...process.env, BKP_STATE_DIR: join(folder.path, 'state') } },
  )
  const urls = new Set(readFileSync(log, 'utf8').trim().split('\n'))
  const files = [...urls].filter(url => url.startsWith('file:'))
  const sources = files.flatMap(sourcesOf)
  const packages = sources.flatMap(
    path => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  )
  const own = sources.flatMap(path => /^(?:\.\.\/)+src\/(.*)$/.exec(path)?.[1] ?? [])
  return { status, stderr, packages: [...new Set(packages)].sort(), own, files: files.length }
}

/** What was put into a file of the build; the file itself when it is none. */
function sourcesOf(url: string): readonly string[] {
  if (!url.includes('/dist/')) return [url]
  const map = JSON.parse(readFileSync(new URL(`${url}.map`), 'utf8')) as { sources: string[] }
  return map.sources
}

/** Besides commander: what guesses at misspelt words, a single small file. */
const light = ['commander', 'fastest-levenshtein']

// Times depend on the machine; what is loaded does not. Of 150 ms, node itself takes 40.
test('the help loads commander and little else', () => {
  const { status, packages, own } = loadedBy('--help')
  expect(status).toBe(0)
  expect(packages).toEqual(light)
  expect(own.filter(file => file.startsWith('cli/commands/'))).toEqual(['cli/commands/index.ts'])
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
  expect(commands.sort()).toEqual(['cli/commands/index.ts', 'cli/commands/runs.ts'])
})

test('a run loads what its steps need, in few files', () => {
  const playbook = join(folder.path, 'playbook.yml')
  const inventory = join(folder.path, 'inventory.yml')
  const vars = { ansible_connection: 'local' }
  const tasks = [{ debug: { msg: 'here' } }]
  writeFileSync(inventory, JSON.stringify({ all: { hosts: { here: {} }, vars } }))
  writeFileSync(playbook, JSON.stringify([{ hosts: 'all', gather_facts: false, tasks }]))
  const { status, stderr, packages, own, files } = loadedBy('run', playbook, '-i', inventory)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(own).toContain('modules/builtin/debug.ts')
  expect(packages.filter(name => /^(@aws-sdk|@smithy|handlebars|listr2|ssh2)/.test(name))).toEqual(
    [],
  )
  // Node takes half a millisecond for each: several hundred were most of the time of a short run.
  expect(files).toBeLessThan(60)
})
