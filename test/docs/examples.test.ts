import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.ts'
import { runCli, temporaryFolder } from '../cli/run-cli.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = temporaryFolder()
afterAll(folder.remove)

const pages = ['README.md', ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`)].filter(
  name => name.endsWith('.md'),
)
const text = (name: string): string => readFileSync(join(root, name), 'utf8')

/** The fenced blocks of a page, with their language. */
function fences(name: string): readonly { readonly language: string; readonly body: string }[] {
  return [...text(name).matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(
    ([, language = '', body = '']) => ({
      language,
      body,
    }),
  )
}

const yaml = pages.flatMap(name =>
  fences(name)
    .filter(({ language }) => language === 'yaml')
    .map(({ body }, index) => ({ name, index, body })),
)

/** What the example of docs/playbooks.md puts in place. */
const placed = [
  'tasks/certificates.yml',
  'tasks/setup-debian.yml',
  'roles/common/tasks/main.yml',
  'roles/nginx/tasks/main.yml',
  'roles/app/tasks/upgrade.yml',
]

function writeBeside(name: string, body: string): void {
  const path = join(folder.path, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, body)
}

describe('the examples of the documentation', () => {
  beforeAll(() => {
    for (const name of placed) writeBeside(name, '- debug: { msg: here }\n')
    writeBeside('monitoring/site.yml', '- { hosts: all, tasks: [{ debug: { msg: here } }] }\n')
  })

  it.each(yaml)('$name, YAML block $index is valid', async ({ name, index, body }) => {
    const path = join(folder.path, `${name.replace('/', '-')}-${index}.yml`)
    writeFileSync(path, body)
    const { status, stderr } = await runCli(['validate', path])
    expect(status, stderr).toBe(0)
  })

  it.each(pages)('%s names commands that there are', name => {
    const known = commands.map(command => command.name)
    const called = fences(name)
      .filter(({ language }) => language === 'sh' || language === 'console')
      .flatMap(({ body }) => [...body.matchAll(/^(?:\$ )?bkp ([a-z]+)/gm)].map(([, word]) => word))
    for (const word of called) expect(known).toContain(word)
  })

  it.each(pages)('%s links to files that there are', name => {
    const links = [...text(name).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, to = '']) => to)
    for (const to of links.filter(link => !link.includes('://'))) {
      expect(() => readFileSync(join(root, name, '..', to)), to).not.toThrow()
    }
  })

  it('README.md: its first backup and restore do what it says', async () => {
    const first = join(folder.path, 'first')
    const here = (words: string): string => words.replaceAll('/tmp/first', first)
    mkdirSync(join(first, 'site'), { recursive: true })
    const conf = join(first, 'site', 'app.conf')
    writeFileSync(conf, 'workers = 4\n')
    const [inventory] = yaml.filter(({ name }) => name === 'README.md')
    writeFileSync(join(first, 'inventory.yml'), here(inventory?.body ?? ''))

    const lines = fences('README.md')
      .filter(({ language }) => language === 'console')
      .flatMap(({ body }) => [...body.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => here(line)))
    expect(lines.length).toBeGreaterThanOrEqual(7)
    for (const line of lines) {
      if (!line.startsWith('bkp ')) {
        writeFileSync(conf, 'workers = 64\n')
        continue
      }
      const outcome = await runCli(line.split(' ').slice(1), {
        directory: root,
        environment: { BKP_STATE_DIR: join(first, 'state') },
      })
      expect(outcome.status, `${line}\n${outcome.stdout}${outcome.stderr}`).toBe(0)
    }
    expect(readFileSync(conf, 'utf8')).toBe('workers = 4\n')
  })
})
