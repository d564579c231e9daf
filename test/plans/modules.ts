import type { Tale } from './cases.ts'

const acts = {
  command: 'a command without a guard acts each time',
  shell: 'a command without a guard acts each time',
  script: 'a script without a guard acts each time',
  tempfile: 'it makes a new file each time: that is what it is for',
  'repository.backup': 'each backup is one more, whatever changed since the last',
  'repository.verify': 'what it found is recorded in the storage each time',
  async_status: 'the job that it asks for is a new one each time',
  copy: 'it is a handler of a job that is a new one each time',
} as const

const task = (...lines: readonly string[]): string =>
  ['- hosts: a', '  tasks:', ...lines.map(line => `    - ${line}`), ''].join('\n')

const tree = { 'srv/one': 'one\n', 'srv/sub/two': 'two\n' }
const inventory = `
all: { hosts: { a: { ansible_connection: local }, b: { ansible_connection: local } } }
clusters: { tree: { kind: files, hosts: a, paths: ["@HOST@/srv"] } }
storages: { vault: { type: file, path: "@SITE@/vault" } }
`
const clusterTask = (...lines: readonly string[]): string =>
  ['- hosts: tree', '  tasks:', ...lines.map(line => `    - ${line}`), ''].join('\n')
const backup = 'repository.backup: { storage: vault, cluster: tree }'
const stage =
  '{ repository.stage: { storage: vault, cluster: tree, backup: latest }, register: staged }'

/** Of each module something that it does for real, in a folder of this machine. */
export const moduleTales: Readonly<Record<string, Tale>> = {
  archive: {
    site: task('archive: { path: "@HOST@/srv", dest: "@HOST@/srv.tgz" }'),
    stands: tree,
  },
  assert: { site: task('assert: { that: [true, "1 < 2"] }') },
  async_status: {
    site: [
      task(
        '{ command: "true", async: 30, poll: 0, register: job }',
        '{ async_status: { jid: "{{ job.ansible_job_id }}" }, register: seen, until: seen.finished, retries: 30, delay: 1, notify: over }',
      ).trimEnd(),
      '  handlers: [{ name: over, copy: { dest: "@HOST@/over", content: "x" } }]',
      '',
    ].join('\n'),
    expected: { always: acts },
  },
  command: {
    site: task(
      'command: { cmd: "touch @HOST@/each-time" }',
      'command: { cmd: "touch @HOST@/once", creates: "@HOST@/once" }',
    ),
    expected: { always: acts },
  },
  copy: {
    site: task('copy: { src: given, dest: "@HOST@/given", mode: "0640" }'),
    files: { 'files/given': 'given\n' },
  },
  debug: { site: task('debug: { msg: hello }') },
  fail: { site: task('{ name: fails, ignore_errors: true, fail: { msg: no } }') },
  fetch: {
    site: task('fetch: { src: "@HOST@/srv/one", dest: "@HOST@/fetched/", flat: true }'),
    stands: tree,
  },
  file: { site: task('file: { path: "@HOST@/a/b", state: directory, mode: "0750" }') },
  find: {
    site: task(
      '{ find: { paths: "@HOST@/srv", recurse: true }, register: found }',
      'copy: { dest: "@HOST@/count", content: "{{ found.matched }}\\n" }',
    ),
    stands: tree,
  },
  lineinfile: {
    site: task('lineinfile: { path: "@HOST@/srv/one", regexp: "^one", line: uno }'),
    stands: { 'srv/one': 'zero\none\n' },
  },
  pause: { site: task('pause: { seconds: 0 }') },
  script: {
    site: task(
      'script: run.sh @HOST@/each-time',
      'script: { cmd: "run.sh @HOST@/once", creates: "@HOST@/once" }',
    ),
    files: { 'files/run.sh': 'touch "$1"\n' },
    expected: { always: acts },
  },
  service: {
    site: [
      '- hosts: a',
      '  environment: { PATH: "@UNITS@/.bin:/usr/bin:/bin", UNITS: "@UNITS@" }',
      '  tasks: [{ service: { name: db, state: started, enabled: true } }]',
      '',
    ].join('\n'),
    units: ['db'],
  },
  set_fact: {
    site: task('set_fact: { x: 1 }', 'copy: { dest: "@HOST@/x", content: "{{ x }}\\n" }'),
  },
  shell: {
    site: task(
      'shell: "echo x > @HOST@/x"',
      'shell: { cmd: "echo y > @HOST@/y", creates: "@HOST@/y" }',
    ),
    expected: { always: acts },
  },
  slurp: {
    site: task(
      '{ slurp: { src: "@HOST@/srv/one" }, register: read }',
      'copy: { dest: "@HOST@/read", content: "{{ read.content }}" }',
    ),
    stands: tree,
  },
  stat: {
    site: task(
      '{ stat: { path: "@HOST@/srv/one" }, register: seen }',
      '{ when: seen.stat.exists, copy: { dest: "@HOST@/there", content: "x" } }',
    ),
    stands: tree,
  },
  tempfile: {
    site: task('tempfile: { path: "@HOST@", state: file }'),
    expected: { always: acts },
  },
  template: {
    site: task('{ vars: { name: x }, template: { src: t.hbs, dest: "@HOST@/t" } }'),
    files: { 'templates/t.hbs': 'name {{name}}\n' },
  },
  unarchive: {
    site: task(
      '{ name: packed, archive: { path: "@HOST@/srv", dest: "@HOST@/srv.tgz" } }',
      '{ file: { path: "@HOST@/out", state: directory } }',
      '{ unarchive: { src: "@HOST@/srv.tgz", dest: "@HOST@/out", remote_src: true } }',
    ),
    stands: tree,
  },
  uri: {
    site: task('{ uri: { url: "http://127.0.0.1:9/", creates: "@HOST@/srv" } }'),
    stands: tree,
  },
  wait_for: { site: task('wait_for: { path: "@HOST@/srv" }'), stands: tree },
  'repository.backup': {
    site: clusterTask(backup),
    inventory,
    stands: tree,
    expected: { always: acts },
  },
  'repository.list': {
    site: clusterTask(
      '{ repository.list: { storage: vault }, register: listed }',
      'copy: { dest: "@HOST@/listed", content: "{{ size(listed.backups) }}\\n" }',
    ),
    inventory,
    prepare: clusterTask(backup),
    stands: tree,
  },
  'repository.verify': {
    site: clusterTask('{ repository.verify: { storage: vault, backup: latest } }'),
    inventory,
    prepare: clusterTask(backup),
    stands: tree,
    expected: { always: acts },
  },
  'repository.vacuum': {
    site: clusterTask(
      'repository.vacuum: { storage: vault, cluster: tree, max_backups: 1, quarantine: 0s }',
    ),
    inventory,
    prepare: clusterTask(backup, 'copy: { dest: "@HOST@/srv/one", content: "other\\n" }', backup),
    stands: tree,
  },
  'repository.restore_objects': {
    site: clusterTask(
      'repository.restore_objects: { storage: vault, to: pond, delete_extra: true }',
    ),
    inventory: inventory.replace(
      'storages: { ',
      'storages: { lake: { type: file, path: "@SITE@/lake" }, pond: { type: file, path: "@SITE@/pond" }, ',
    ),
    prepare: clusterTask(
      'shell: "mkdir @SITE@/lake @SITE@/pond && cd @SITE@ && echo 1 > lake/one && echo 2 > lake/two && echo 3 > pond/two && echo 4 > pond/four"',
      'repository.backup: { storage: vault, cluster: tree, sources: [lake] }',
    ),
    stands: tree,
  },
  'repository.stage': {
    site: clusterTask(stage),
    inventory,
    prepare: clusterTask(backup, 'copy: { dest: "@HOST@/srv/one", content: "other\\n" }'),
    stands: tree,
    expected: {
      always: { 'repository.stage': 'what is staged, but not swapped in, is staged anew' },
    },
  },
  'repository.swap': {
    site: clusterTask(
      stage,
      '{ when: staged.changed, repository.swap: { stage: "{{ staged }}", keep: 1h } }',
    ),
    inventory,
    prepare: clusterTask(backup, 'copy: { dest: "@HOST@/srv/one", content: "other\\n" }'),
    stands: tree,
  },
  'repository.unswap': {
    site: clusterTask(
      stage,
      '{ when: staged.changed, repository.swap: { stage: "{{ staged }}", keep: 1h } }',
      '{ when: staged.changed, repository.unswap: { stage: "{{ staged }}" } }',
    ),
    inventory,
    prepare: clusterTask(backup, 'copy: { dest: "@HOST@/srv/one", content: "other\\n" }'),
    stands: tree,
    expected: {
      always: {
        'repository.stage': 'the swap was taken back: the trees differ as before',
        'repository.swap': 'the swap was taken back: the trees differ as before',
        'repository.unswap': 'the swap was taken back: the trees differ as before',
      },
    },
  },
  'repository.discard': {
    site: clusterTask(
      stage,
      '{ when: staged.changed, repository.discard: { stage: "{{ staged }}", what: staged } }',
    ),
    inventory,
    prepare: clusterTask(backup, 'copy: { dest: "@HOST@/srv/one", content: "other\\n" }'),
    stands: tree,
    expected: {
      always: {
        'repository.stage': 'what was staged is discarded: the trees differ as before',
        'repository.discard': 'it is staged anew, and discarded anew',
      },
    },
  },
}
