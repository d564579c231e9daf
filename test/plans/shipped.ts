import { readFileSync } from 'node:fs'
import type { Tale } from './cases.ts'

const playbook = (name: string): string =>
  readFileSync(new URL(`../../playbooks/${name}`, import.meta.url), 'utf8')

const files = {
  stands: { 'srv/one': 'one\n', 'srv/sub/two': 'two\n', 'srv/link': { link: 'one' } },
  inventory: `
all: { hosts: { a: { ansible_connection: local } } }
clusters: { tree: { kind: files, hosts: a, paths: ["@HOST@/srv"] } }
storages: { vault: { type: file, path: "@SITE@/vault" } }
`,
} as const

const objects = {
  inventory: `
all: { hosts: { a: { ansible_connection: local } } }
clusters: { warehouse: { kind: files, hosts: a, sources: [lake] } }
storages:
  vault: { type: file, path: "@SITE@/vault" }
  lake: { type: file, path: "@SITE@/lake" }
`,
  prepare: `
- hosts: a
  tasks:
    - name: Fill the lake
      shell: "mkdir -p @SITE@/lake/sub && cd @SITE@/lake && echo one > one && echo two > sub/two"
`,
} as const

/** The playbooks that ship, each where it has something to do. */
export const shippedTales: Readonly<Record<string, Tale>> = {
  'files/backup.yml': {
    ...files,
    site: playbook('files/backup.yml'),
    expected: {
      always: {
        'repository.backup': 'each backup is one more, whatever changed since the last',
        'repository.verify': 'what it found is recorded in the storage each time',
      },
    },
  },
  'objects/backup.yml': {
    ...objects,
    site: playbook('objects/backup.yml'),
    expected: {
      always: {
        'repository.backup': 'each backup is one more, whatever changed since the last',
        'repository.verify': 'what it found is recorded in the storage each time',
      },
    },
  },
  'objects/restore.yml': {
    ...objects,
    site: playbook('objects/restore.yml'),
    prepare: `${objects.prepare}${playbook('objects/backup.yml')}
    - name: Change an object, lose one, and make another
      shell: "cd @SITE@/lake && echo other > one && rm sub/two && echo new > three"
`,
    words: ['-e', 'to=lake', '-e', '{"delete_extra": true}'],
    runWords: ['--confirm=warehouse'],
  },
  'files/restore.yml': {
    ...files,
    site: playbook('files/restore.yml'),
    prepare: `${playbook('files/backup.yml')}
    - name: Change a file, lose one, and make another
      shell: "cd @HOST@/srv && echo other > one && rm sub/two && echo new > three"
`,
    runWords: ['--confirm=tree'],
  },
}
