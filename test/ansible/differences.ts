import { atLoad, type Difference, exitCode, row } from './difference.ts'

/** Of the scenarios that were given (specs/engine.md a.9). */
export const differences: readonly Difference[] = [
  {
    scenario: '04-run-once',
    run: 'default',
    why: 'run_once runs on the first host whose condition holds',
    wanted: {
      events: [
        'a once',
        'a use out-a',
        'b use out-a',
        'c use out-a',
        'a deleg',
        'a use2 d-a',
        'b use2 d-a',
        'c use2 d-a',
        'b onlyb',
        'a use3 false',
        'b use3 false',
        'c use3 false',
      ],
      recap: {
        a: row({ ok: 5, changed: 5 }),
        b: row({ ok: 4, changed: 4 }),
        c: row({ ok: 3, changed: 3 }),
      },
    },
  },
  {
    scenario: '05-run-once-failure',
    run: 'rescued',
    why: 'a failure of run_once is rescued on all hosts (ansible#87308)',
    wanted: {
      exit_code: 0,
      events: ['a once', 'a resc', 'b resc', 'c resc', 'a after', 'b after', 'c after'],
      recap: {
        a: row({ ok: 2, changed: 2, rescued: 1 }),
        b: row({ ok: 2, changed: 2 }),
        c: row({ ok: 2, changed: 2 }),
      },
    },
  },
  atLoad('07-handlers-order-flush', 'missing-handler', 'an unknown handler is found at load'),
  {
    scenario: '13-tags',
    run: 'skip-tagged',
    why: '--skip-tags tagged keeps always',
    wanted: { events: ['a plain', 'a alw'], recap: { a: row({ ok: 2, changed: 2 }) } },
  },
  {
    scenario: '21-var-precedence',
    run: 'default',
    why: 'variables of a task beat set_fact',
    wanted: {
      events: [
        'a show gv-all parent child gv-child hostinv hv-a play play play allfile=gv-child dir=gv-parent-dir tie=bbb prio=zero trap=gv-all',
        'a taskvars task task task-lazy',
        'a inblock block taskinblock',
        'a afterfact fact task',
        'a nextplay fact hv-a fact',
      ],
    },
  },
  {
    scenario: '22-check-mode',
    run: 'check',
    why: 'a plan does not skip commands, it foresees them: after an unguarded command all that is looked at on its host is only "may change", results of such steps are unknown, and a step with check_mode: false whose arguments are unknown is not done for real',
    wanted: {
      events: [],
      recap: { a: row({ ok: 9, changed: 8 }) },
    },
  },
  {
    scenario: '23-unreachable',
    run: 'block',
    why: 'a host that cannot be reached gets rescue and always, which need no connection here',
    wanted: {
      exit_code: 0,
      recap: {
        a: row({ ok: 2, changed: 1 }),
        dead: row({ ok: 2, rescued: 1 }),
        c: row({ ok: 2, changed: 1 }),
      },
    },
  },
  {
    scenario: '23-unreachable',
    run: 'ignore',
    why: 'what was not reached has failed',
    wanted: {
      events: [
        'a t1',
        'c t1',
        'a t2 unreachable=false false',
        'dead t2 unreachable=true true',
        'c t2 unreachable=false false',
      ],
    },
  },
  exitCode('23-unreachable', 'mix', 3, 'failed and unreachable hosts have a status of their own'),
  {
    scenario: '26-exit-codes',
    run: 'nohosts',
    why: 'a play that matches nothing in the inventory is an error before anything runs',
    wanted: { exit_code: 7, events: [], recap: {} },
  },
  exitCode('26-exit-codes', 'badyaml', 6, 'faults of a file have a status of their own'),
  exitCode('26-exit-codes', 'badkey', 6, 'faults of a file have a status of their own'),
  exitCode('26-exit-codes', 'badtaskkey', 6, 'faults of a file have a status of their own'),
  exitCode('26-exit-codes', 'badmodule', 6, 'faults of a file have a status of their own'),
  atLoad('26-exit-codes', 'badarg', 'a wrong argument is found at load'),
  exitCode('26-exit-codes', 'missing-playbook', 5, 'a missing file of the command line is usage'),
  exitCode('26-exit-codes', 'missing-inventory', 5, 'a missing file of the command line is usage'),
  exitCode('26-exit-codes', 'bad-option', 5, 'usage has a status of its own'),
  exitCode('26-exit-codes', 'bad-forks', 5, 'usage has a status of its own'),
  exitCode('26-exit-codes', 'syntax-check-bad', 6, 'faults of a file have a status of their own'),
  exitCode('26-exit-codes', 'syntax-check-badarg', 6, 'a wrong argument is found at load'),
  exitCode('26-exit-codes', 'start-at-missing', 7, 'nothing done is not success'),
  {
    scenario: '29-include-import',
    run: 'tags-inctag',
    why: 'tags inherit into what is included',
    wanted: {
      events: ['a inc - tagged', 'b inc - tagged'],
      recap: { a: row({ ok: 2, changed: 1 }), b: row({ ok: 2, changed: 1 }) },
    },
  },
  {
    scenario: '32-timeout-async',
    run: 'default',
    why: 'a command that took too long is ended: it does not write slowend',
    wanted: { events: ['a asyncok', 'a end rc=0', 'a fired', 'a resc slow', 'a slow'] },
  },
]
