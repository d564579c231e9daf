import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runHere } from './listing.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a clone holds, by time and size, without the folders that its owner works in meanwhile. */
const files = (): string =>
  runHere(`cd '${root}' && git ls-files -co --exclude-standard |
    grep -v -e '^src/' -e '^test/' -e '^docs/' | tr '\\n' '\\0' | xargs -0 stat -c '%n %s %y'`)
const leftovers = (): readonly string[] =>
  readdirSync(tmpdir()).filter(name => name.startsWith('bkp-demo-'))

it('the demo shows a backup, a plan, a refusal and a restore, and leaves nothing behind', () => {
  const before = { files: files(), leftovers: leftovers() }
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'demo'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(status, stdout + stderr).toBe(0)
  for (const shown of [
    'changed etc/service.conf',
    'removed added.txt',
    'added current -> etc/service.conf',
    'run it again with --confirm=tree',
    'Plan: nothing to do.',
    'no errors',
  ]) {
    expect(stdout + stderr).toContain(shown)
  }
  expect({ files: files(), leftovers: leftovers() }).toEqual(before)
})
