import type { Stands } from './place.ts'
import type { Expected } from './truth.ts'

/** A playbook, what it finds, and which of its steps may act again. */
export interface Tale {
  readonly site: string
  /** Files beside the playbook: tasks, roles, templates. */
  readonly files?: Readonly<Record<string, string>>
  readonly stands?: Readonly<Record<string, Stands>>
  readonly units?: readonly string[]
  readonly expected?: Expected
  /** In place of four hosts that are all this machine. */
  readonly inventory?: string
  /** A playbook that is run first. */
  readonly prepare?: string
  readonly words?: readonly string[]
  /** Of the run alone. */
  readonly runWords?: readonly string[]
  /** Steps by name that the plan must show as sure, and those it must show as something that may be. */
  readonly sure?: readonly string[]
  readonly maybe?: readonly string[]
}

const path = '  environment: { PATH: "@UNITS@/.bin:/usr/bin:/bin", UNITS: "@UNITS@" }'

/** Playbooks of several steps, of which later ones depend on what earlier ones will have done. */
export const tales: Readonly<Record<string, Tale>> = {
  'a folder, a file in it, a line of that file, a template beside it': {
    site: `
- hosts: a
  vars: { port: 80 }
  tasks:
    - { name: folder, file: { path: "@HOST@/etc/app", state: directory, mode: "0750" } }
    - { name: copy, copy: { dest: "@HOST@/etc/app/conf", content: "one\\n", force: false } }
    - { name: line, lineinfile: { path: "@HOST@/etc/app/conf", line: two } }
    - { name: mode, file: { path: "@HOST@/etc/app/conf", mode: "0600" } }
    - { name: template, template: { src: app.hbs, dest: "@HOST@/etc/app/ports" } }
    - { name: again, template: { src: app.hbs, dest: "@HOST@/etc/app/" } }
    - { name: link, file: { path: "@HOST@/app", src: etc/app, state: link } }
`,
    files: { 'templates/app.hbs': 'port {{port}}\n' },
    sure: ['folder', 'copy', 'line', 'mode', 'template', 'again', 'link'],
    maybe: [],
  },
  'a second equal copy, which is none': {
    site: `
- hosts: a
  tasks:
    - { name: first, copy: { dest: "@HOST@/x", content: "same\\n" } }
    - { name: second, copy: { dest: "@HOST@/x", content: "same\\n" } }
    - { name: third, file: { path: "@HOST@/x", state: file, mode: "0644" } }
`,
    sure: ['first'],
    maybe: [],
  },
  'a folder that is removed, made anew and filled': {
    site: `
- hosts: a
  tasks:
    - { name: gone, when: fresh, file: { path: "@HOST@/d", state: absent } }
    - { name: folder, file: { path: "@HOST@/d", state: directory, mode: "0700" } }
    - { name: copy, copy: { dest: "@HOST@/d/old", content: "new\\n" } }
    - { name: inner, file: { path: "@HOST@/d/sub/deep", state: directory } }
  vars: { fresh: false }
`,
    stands: { d: { folder: '755' }, 'd/old': 'old\n', 'd/sub/kept': 'x\n' },
  },
  'a service after its configuration, restarted by a handler': {
    site: `
- hosts: a
${path}
  tasks:
    - { name: conf, copy: { dest: "@HOST@/conf", content: "a\\n" }, notify: restart }
    - { name: up, service: { name: db, state: started, enabled: true } }
    - { name: still, service: { name: db, state: started } }
  handlers:
    - { name: restart, service: { name: db, state: restarted } }
    - { name: never, service: { name: db, state: stopped } }
`,
    units: ['db'],
    sure: ['conf', 'up', 'restart'],
    maybe: [],
  },
  'a handler that is notified only by what may change': {
    site: `
- hosts: a
  tasks:
    - { name: opaque, shell: "cat @HOST@/x", register: said, changed_when: false }
    - name: conf
      copy: { dest: "@HOST@/conf", content: "{{ said.stdout }}" }
      notify: touched
  handlers:
    - { name: touched, copy: { dest: "@HOST@/touched", content: "yes\\n" } }
`,
    stands: { x: 'x' },
    expected: {
      always: {
        copy: 'what a command prints is known only after it has run',
        shell: 'a command without a guard acts each time',
      },
    },
  },
  'a loop, and one over what is found out first': {
    site: `
- hosts: a
  tasks:
    - name: each
      loop: [one, two, three]
      copy: { dest: "@HOST@/{{ item }}", content: "{{ item }}\\n" }
    - { name: look, find: { paths: "@HOST@" }, register: found }
    - name: copies
      loop: "{{ found.files }}"
      loop_control: { label: "{{ item.path }}" }
      file: { path: "{{ item.path }}", mode: "0600" }
`,
    stands: { zero: 'zero\n' },
    expected: {
      always: {
        copy: 'copy gives a new file 0644 and keeps the mode of one that is there',
      },
    },
  },
  'conditions on results that are foretold': {
    site: `
- hosts: a
  tasks:
    - { name: conf, copy: { dest: "@HOST@/conf", content: "a\\n" }, register: conf }
    - { name: if changed, when: conf.changed, copy: { dest: "@HOST@/changed", content: "a\\n" } }
    - { name: state, stat: { path: "@HOST@/conf" }, register: seen }
    - name: if there
      when: seen.stat.exists
      copy: { dest: "@HOST@/there", content: "a\\n" }
    - name: if not
      when: "!seen.stat.exists"
      copy: { dest: "@HOST@/not-there", content: "a\\n" }
`,
    sure: ['conf', 'if changed', 'if there'],
    maybe: [],
  },
  'included tasks and a role with a dependency': {
    site: `
- hosts: a
  roles: [{ role: app, vars: { name: one } }]
  tasks:
    - include_tasks: more.yml
      loop: [x, y]
`,
    files: {
      'more.yml': `
- { name: included, copy: { dest: "@HOST@/{{ item }}", content: "{{ item }}\\n" } }
`,
      'roles/base/tasks/main.yml': `
- { name: base, file: { path: "@HOST@/base", state: directory } }
`,
      'roles/app/meta/main.yml': 'dependencies: [base]\n',
      'roles/app/templates/app.hbs': 'name {{name}}\n',
      'roles/app/handlers/main.yml': `
- { name: reload, copy: { dest: "@HOST@/reloaded", content: "yes\\n" } }
`,
      'roles/app/tasks/main.yml': `
- { name: app, template: { src: app.hbs, dest: "@HOST@/base/app" }, notify: reload }
`,
    },
    sure: ['base', 'app', 'included', 'reload'],
    maybe: [],
  },
  'what is delegated, and done once': {
    site: `
- hosts: [a, b]
  tasks:
    - name: there
      delegate_to: c
      copy: { dest: "@HOST@/{{ inventory_hostname }}", content: "x\\n" }
    - name: once
      run_once: true
      file: { path: "@HOST@/once", state: directory }
`,
    sure: ['there', 'once'],
    maybe: [],
  },
  'hosts one after the other': {
    site: `
- hosts: all
  serial: 1
  tasks:
    - { name: own, copy: { dest: "@HOST@/{{ inventory_hostname }}", content: "x\\n" } }
    - { name: mode, file: { path: "@HOST@/{{ inventory_hostname }}", mode: "0600" } }
`,
    sure: ['own', 'mode'],
    maybe: [],
  },
  'check mode of a step, and no check mode': {
    site: `
- hosts: a
  tasks:
    - { name: only looked at, check_mode: true, copy: { dest: "@HOST@/looked", content: "x\\n" } }
    - { name: done, copy: { dest: "@HOST@/done", content: "x\\n" } }
`,
    sure: ['only looked at', 'done'],
    expected: { predicted: ['only looked at'] },
  },
  'a command with a guard after what makes the guarded file': {
    site: `
- hosts: a
  tasks:
    - { name: made, copy: { dest: "@HOST@/made/x", content: "x\\n" }, when: false }
    - { name: copy, copy: { dest: "@HOST@/x.conf", content: "x\\n" } }
    - name: by path
      command: { cmd: "touch @HOST@/by-path", creates: "@HOST@/x.conf" }
    - name: by glob
      command: { cmd: "touch @HOST@/by-glob", creates: "@HOST@/*.conf" }
    - name: by shell
      command: { cmd: "touch @HOST@/by-shell", unless: "test -f @HOST@/x.conf" }
`,
    sure: ['copy'],
  },
  'a folder that may be made, and what is put into it': {
    site: `
- hosts: a
  tasks:
    - { name: asks, command: { cmd: "true" }, register: said, changed_when: false }
    - { name: folder, when: said.rc == 0, file: { path: "@HOST@/d", state: directory } }
    - { name: copy, copy: { dest: "@HOST@/d/x", content: "x\\n" } }
`,
    expected: {
      always: {
        command: 'a command without a guard acts each time',
        file: 'whether it is done hangs on a command',
        copy: 'after a command nothing on its host is sure',
      },
    },
  },
  'a block that fails, its rescue and always': {
    site: `
- hosts: a
  tasks:
    - block:
        - { name: fine, copy: { dest: "@HOST@/fine", content: "x\\n" } }
        - { name: fails, copy: { dest: "@HOST@/none/x", content: "x\\n" } }
        - { name: unreached, copy: { dest: "@HOST@/unreached", content: "x\\n" } }
      rescue:
        - { name: rescued, copy: { dest: "@HOST@/rescued", content: "x\\n" } }
      always:
        - { name: always, copy: { dest: "@HOST@/always", content: "x\\n" } }
`,
    sure: ['fine', 'rescued', 'always'],
    maybe: [],
  },
}
