/** Where an example stands: among plays, in a play, or in a list of tasks, of a block or of handlers. */
export type ExamplePlace = 'plays' | 'play' | 'tasks' | 'handlers'

/** How a keyword is written. */
export interface KeywordExample {
  readonly place: ExamplePlace
  readonly text: string
}

const play = (text: string): KeywordExample => ({ place: 'play', text })
const task = (...lines: readonly string[]): KeywordExample => ({
  place: 'tasks',
  text: `- ${lines.join('\n  ')}`,
})
const command = (name: string, ...lines: readonly string[]): KeywordExample =>
  task(`name: ${name}`, `command: ${name.toLowerCase().replaceAll(' ', '-')}`, ...lines)
const handler = (...lines: readonly string[]): KeywordExample => ({
  ...task(...lines),
  place: 'handlers',
})
const block = (...lines: readonly string[]): KeywordExample =>
  task('block:', '  - command: make-changes', ...lines)

/** One example for each keyword that has an effect; a test reads every one as part of a playbook. */
export const keywordExamples: Readonly<Record<string, KeywordExample>> = {
  always: block('always:', '  - command: clean-up'),
  any_errors_fatal: play('any_errors_fatal: true'),
  args: task('shell: make', 'args: { chdir: /srv/app }'),
  async: command('Rebuild index', 'async: 3600', 'poll: 30'),
  become: command('Restart node', 'become: true'),
  become_user: command('Dump tables', 'become: true', 'become_user: nebula'),
  block: block('rescue:', '  - command: undo-changes'),
  changed_when: command('Sync', 'register: sync', 'changed_when: sync.stdout != ""'),
  check_mode: command('Look around', 'check_mode: false'),
  confirm: command(
    'Drop everything',
    'confirm: { question: "Really?", type: "{{ inventory_hostname }}" }',
  ),
  connection: play('connection: local'),
  deadline: command('Block writes', 'deadline: 10m', 'release: { command: allow-writes }'),
  delay: command('Ping', 'retries: 5', 'delay: 2'),
  delegate_facts: task(
    'set_fact: { leader: "{{ inventory_hostname }}" }',
    'delegate_to: localhost',
    'delegate_facts: true',
  ),
  delegate_to: command('Leave balancer', 'delegate_to: localhost'),
  diff: command('Write secrets', 'diff: false'),
  environment: command('Fetch', 'environment: { HTTPS_PROXY: "http://proxy:3128" }'),
  failed_when: command('Check', 'register: check', 'failed_when: check.rc > 1'),
  force_handlers: play('force_handlers: true'),
  handlers: play('handlers:\n  - name: restart\n    service: { name: app, state: restarted }'),
  hosts: play('hosts: web:&live:!web1'),
  ignore_errors: command('Try it', 'ignore_errors: true'),
  ignore_unreachable: command('Try it', 'ignore_unreachable: true'),
  import_playbook: { place: 'plays', text: '- import_playbook: more.yml' },
  import_role: task('import_role: { name: app }'),
  import_tasks: task('import_tasks: steps.yml'),
  include_role: task('include_role: { name: app }'),
  include_tasks: task('include_tasks: steps.yml', 'loop: [a, b]'),
  listen: handler('name: restart', 'command: restart-app', 'listen: [configuration]'),
  lock: play('lock: { name: nightly }'),
  loop: task('command: drop {{ item }}', 'loop: [one, two]'),
  loop_control: task(
    'command: drop {{ table }}',
    'loop: [one, two]',
    'loop_control: { loop_var: table, pause: 1 }',
  ),
  max_fail_percentage: play('max_fail_percentage: 20'),
  meta: task('meta: flush_handlers'),
  module_defaults: play('module_defaults:\n  file: { mode: "0640" }'),
  name: command('Restart node'),
  no_log: command('Set password', 'no_log: true'),
  notify: command('Write configuration', 'notify: restart'),
  order: play('order: sorted'),
  poll: command('Rebuild index', 'async: 3600', 'poll: 0'),
  port: play('port: 2222'),
  post_tasks: play('post_tasks:\n  - command: join-balancer'),
  pre_tasks: play('pre_tasks:\n  - command: leave-balancer'),
  register: command('Look', 'register: found'),
  release: command('Block writes', 'release: { command: allow-writes }'),
  remote_user: play('remote_user: backup'),
  rescue: block('rescue:', '  - command: undo-changes'),
  retries: command('Ping', 'register: ping', 'until: ping.rc == 0', 'retries: 5'),
  roles: play('roles:\n  - app\n  - { role: app, tags: [again] }'),
  rollback: command('Swap in', 'rollback: { command: swap-out }'),
  run_once: command('Migrate', 'run_once: true'),
  serial: play('serial: [1, 25%]'),
  strategy: play('strategy: free'),
  tags: command('Verify', 'tags: [verify, nightly]'),
  tasks: play('tasks:\n  - command: "true"'),
  throttle: command('Upload', 'throttle: 2'),
  timeout: command('Upload', 'timeout: 30m'),
  until: command('Ping', 'register: ping', 'until: ping.rc == 0'),
  vars: play('vars:\n  keep: 7\n  folder: "/srv/{{ keep }}"'),
  vars_files: play('vars_files: [settings.yml]'),
  vars_prompt: play('vars_prompt:\n  - { name: version, prompt: Which version, private: false }'),
  when: command('Restart', 'when: inventory_hostname != "web1"'),
}
