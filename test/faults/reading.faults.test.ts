import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isRecord } from '../../src/base/json.ts'
import { createRedactor } from '../../src/base/secret.ts'
import { createSecretSources } from '../../src/cli/secret-sources.ts'
import { loadCatalogue } from '../../src/modules/load-catalogue.ts'
import { type FileAccess, systemFiles } from '../../src/runbook/file-access.ts'
import { loadPlaybook } from '../../src/runbook/load.ts'
import { explain, type Outcome } from '../slice/bkp.ts'
import { journalOf, runOf, textOf } from './live-run.ts'
import { type Faultsite, makeSite } from './sites.ts'

let site: Faultsite
/** Stands for a host: whoever reads faulty files must not get as far as to connect. */
let host: Server
let contacts: number

beforeEach(async () => {
  site = await makeSite('local', ['alpha'])
  contacts = 0
  host = createServer(socket => {
    contacts += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => host.once('listening', resolve))
  const address = host.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const alpha = { ansible_host: '127.0.0.1', ansible_port: port }
  mkdirSync(join(site.folder, 'inventory'))
  writeFileSync(
    join(site.folder, 'inventory', 'a.yml'),
    JSON.stringify({ all: { hosts: { alpha } } }),
  )
})

afterEach(async () => {
  await new Promise(resolve => host.close(resolve))
  await site.stop()
})

const inventory = (): string => join(site.folder, 'inventory')
const book = `
- hosts: all
  vars_files: [more.yml]
  tasks:
    - command: { argv: [echo, "{{ word }}"] }
`

describe('row 1: a file that is listed and then cannot be read', () => {
  /** Breaks one file, by name, in a way that stops root as well. */
  const gone = (path: string): void => symlinkSync('/nowhere/at/all', path)
  const loops = (path: string): void => symlinkSync(path, path)
  const isFolder = (path: string): void => mkdirSync(path)

  test.each([
    ['a playbook that is a folder', 'book.yml', isFolder],
    ['a playbook that links to itself', 'book.yml', loops],
    ['an inventory whose target is gone', 'inventory/b.yml', gone],
    ['an inventory that links to itself', 'inventory/b.yml', loops],
    ['variables of a group whose target is gone', 'inventory/group_vars/all/x.yml', gone],
    ['variables of a group that link to themselves', 'inventory/group_vars/all/x.yml', loops],
    ['a vars file that is a folder', 'more.yml', isFolder],
    ['a vars file that links to itself', 'more.yml', loops],
  ])('%s (row 1): named, nothing contacted', (_, name, breaks) => {
    const playbook = site.playbook(book)
    writeFileSync(join(site.folder, 'more.yml'), 'word: one')
    mkdirSync(join(inventory(), 'group_vars', 'all'), { recursive: true })
    const path = join(site.folder, name)
    rmSync(path, { force: true })
    breaks(path)
    const run = site.run(['run', playbook, '-i', inventory()])
    refusedFor(run, path.split('/').at(-1) ?? '')
  })

  test.each([
    ['the playbook', 'book.yml'],
    ['the inventory', 'inventory/a.yml'],
    ['a folder of variables', 'inventory/group_vars'],
    ['a vars file', 'more.yml'],
  ])('%s that this user may not read (row 1): named, nothing contacted', (_, name) => {
    const playbook = site.playbook(book)
    writeFileSync(join(site.folder, 'more.yml'), 'word: one')
    mkdirSync(join(inventory(), 'group_vars', 'all'), { recursive: true })
    writeFileSync(join(inventory(), 'group_vars', 'all', 'x.yml'), 'other: 1')
    mkdirSync(site.state, { mode: 0o700 })
    chownSync(site.state, nobody, nobody)
    chmodSync(site.folder, 0o755)
    const path = join(site.folder, name)
    chmodSync(path, 0)
    const run = site.run(['run', playbook, '-i', inventory()], { under: asNobody })
    refusedFor(run, path)
    expect(run.stderr).toContain('EACCES')
  })

  test('a playbook that vanishes between the look and the reading (row 1) is named', async () => {
    const playbook = site.playbook(book)
    const vanishing: FileAccess = {
      ...systemFiles,
      kind: path => {
        const kind = systemFiles.kind(path)
        if (path === playbook) rmSync(path)
        return kind
      },
    }
    const secrets = await createSecretSources({
      terminal: {
        stdout: { isTerminal: false, write: () => {} },
        stderr: { isTerminal: false, write: () => {} },
        columns: 80,
        directory: site.folder,
        environment: () => undefined,
        canAsk: false,
        ask: async () => undefined,
        onInterrupt: () => ({ stop: () => {} }),
      },
      redactor: createRedactor(),
    })
    const load = (): unknown =>
      loadPlaybook({ path: playbook, catalogue: loadCatalogue(), files: vanishing, secrets })
    expect(load).toThrow(expect.objectContaining({ code: 'usage.file_missing' }))
    expect(load).toThrow(playbook)
  })

  /** A file that a flag names is a matter of usage, one that a playbook names a fault of the playbook. */
  function refusedFor(run: Outcome, name: string): void {
    const isNamedWithin = name.endsWith('more.yml')
    expect(run.status, explain(run)).toBe(isNamedWithin ? 6 : 5)
    expect(run.stderr).toContain(isNamedWithin ? 'schema.invalid' : 'usage.file_missing')
    expect(run.stderr).toContain(name)
    expect(run.stderr).not.toContain('internal')
    expect(contacts).toBe(0)
    expect(textOf(join(site.state, 'runs'))).toBe('')
  }
})

/** A user who owns nothing here. */
const nobody = 65_534
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

test('row 2: files that change during a run: what was read once is what runs, and what the journal keeps', () => {
  const here = site
  const more = join(here.folder, 'more.yml')
  const groups = join(here.folder, 'group_vars')
  const source = join(here.folder, 'source.txt')
  mkdirSync(groups)
  writeFileSync(join(groups, 'all.yml'), 'group_word: first')
  writeFileSync(more, 'word: first')
  writeFileSync(source, 'first')
  // Every file of the run is changed by the run itself, between two of its steps.
  const text = `
- hosts: all
  vars_files: [more.yml]
  tasks:
    - copy: { src: source.txt, dest: "{{ dir }}/before" }
      register: before
    - shell: "cd '${here.folder}'; for f in book.yml more.yml group_vars/all.yml source.txt inventory.yml; do echo 'changed: [' > $f; done"
    - shell: "echo {{ word }} {{ group_word }} > {{ dir }}/words"
    - copy: { src: source.txt, dest: "{{ dir }}/after" }
`
  const playbook = here.playbook(text)
  const inventoryText = readFileSync(here.inventory, 'utf8')
  const run = here.run(['run', playbook, '-i', here.inventory])
  expect(run.status, explain(run)).toBe(0)
  expect(textOf(join(here.dir('alpha'), 'words'))).toBe('first first\n')
  const kept = JSON.parse(textOf(join(here.state, 'runs', runOf(here), 'documents.json')))
  expect(
    Object.fromEntries(kept.map((each: { path: string; text: string }) => [each.path, each.text])),
  ).toEqual({
    [playbook]: text,
    [more]: 'word: first',
    [here.inventory]: inventoryText,
    [join(groups, 'all.yml')]: 'group_word: first',
  })
  // A file that a step sends is read when the step begins; its result says which bytes went.
  const checksums = journalOf(here).flatMap(event =>
    event.event === 'step.finished' && event.module === 'copy'
      ? [isRecord(event.result) ? event.result['checksum'] : undefined]
      : [],
  )
  expect(checksums).toEqual([sha256('first'), sha256(readFileSync(source))])
  expect(textOf(join(here.dir('alpha'), 'before'))).toBe('first')
})

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
