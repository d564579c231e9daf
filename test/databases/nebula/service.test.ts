import { describe, expect, it } from 'vitest'
import type { ProcessFacts } from '../../../src/connection/probes.ts'
import {
  serviceCommand,
  statusCommand,
  unitName,
} from '../../../src/databases/nebula/service/commands.ts'
import {
  type HostView,
  observeDaemons,
  stateOf,
  strays,
} from '../../../src/databases/nebula/service/daemons.ts'
import { parseServiceStatus } from '../../../src/databases/nebula/service/status.ts'
import { makeInstance } from './restore/backup.ts'

const conf = '/usr/local/nebula/etc/nebula-storaged.conf'
const one = makeInstance('storaged', '10.0.0.1:9779')
const two = makeInstance('storaged', '10.0.0.1:9879', {
  conf: '/usr/local/nebula/etc/second.conf',
  dataDirs: ['/data/second'],
  pidFile: '/usr/local/nebula/pids/second.pid',
})

function daemon(pid: number, argv: readonly string[], more: Partial<ProcessFacts> = {}) {
  return {
    pid,
    startTicks: '1',
    argv,
    otherFiles: [],
    parent: { pid: 1, name: 'systemd' },
    ...more,
  }
}

function view(more: Partial<HostView>): HostView {
  return { processes: [], ports: [], locks: [], pidFiles: {}, ...more }
}

const program = '/usr/local/nebula/bin/nebula-storaged'

/** Pids of each instance. */
function pids(processes: readonly ProcessFacts[], pidFiles: Record<string, string> = {}) {
  return observeDaemons([one, two], view({ processes, pidFiles }), {}).map(seen =>
    seen.processes.map(({ pid }) => pid),
  )
}

describe('telling services apart', () => {
  it('goes by the flagfile, however it is written', () => {
    expect(pids([daemon(7, [program, '--flagfile', conf])])).toEqual([[7], []])
    expect(pids([daemon(7, [program, `--flagfile=${conf}`])])).toEqual([[7], []])
    expect(pids([daemon(7, [program, `-flagfile=${two.conf}`])])).toEqual([[], [7]])
    const relative = ['bin/nebula-storaged', '--flagfile', 'etc/second.conf']
    expect(pids([daemon(7, relative, { cwd: '/usr/local/nebula' })])).toEqual([[], [7]])
    expect(pids([daemon(7, relative, { cwd: '/opt/other' })])).toEqual([[], []])
    expect(pids([daemon(7, relative)])).toEqual([[], [7]])
    const odd = '/usr/local/nebula/./etc//nebula-storaged.conf'
    expect(pids([daemon(7, [program, '--flagfile', odd])])).toEqual([[7], []])
  })

  it('takes nothing for a daemon that only names one', () => {
    expect(pids([daemon(7, ['vim', conf])])).toEqual([[], []])
    expect(pids([daemon(7, ['sudo', program, '--flagfile', conf])])).toEqual([[], []])
    expect(pids([daemon(7, ['/usr/local/nebula/bin/nebula-metad', '--flagfile', conf])])).toEqual([
      [],
      [],
    ])
    const script = ['/bin/sh', '/usr/local/nebula/scripts/nebula.service', '-c', conf, 'stop']
    expect(pids([daemon(7, script)])).toEqual([[], []])
  })

  it('believes a pid file only where the process is that program and names no file', () => {
    const files = { [one.pidFile]: '7\n', [two.pidFile]: '8\n' }
    expect(pids([daemon(7, [program])], files)).toEqual([[7], []])
    // The pid was given to something else since.
    expect(pids([daemon(8, ['/usr/bin/nebula-console'])], files)).toEqual([[], []])
    // Another instance has it: a copied configuration.
    expect(pids([daemon(8, [program, '--flagfile', conf])], files)).toEqual([[8], []])
  })

  it('tells containers with the same path apart by the port in their command line', () => {
    const inside = (port: number) => [program, `--flagfile=${conf}`, `--port=${port}`]
    expect(pids([daemon(7, inside(9779)), daemon(8, inside(9880))])).toEqual([[7], []])
  })

  it('takes no process for its own that sees another file under that name', () => {
    const inside = daemon(7, [program, '--flagfile', conf], { otherFiles: [conf] })
    expect(pids([inside, daemon(8, [program, '--flagfile', conf])])).toEqual([[8], []])
  })

  it('finds a process in a container by the path that it sees', () => {
    const settings = { path_map: { h1: { '/nebula': '/usr/local/nebula' } } }
    const processes = [
      daemon(7, ['/nebula/bin/nebula-storaged', '--flagfile=/nebula/etc/second.conf']),
    ]
    const instances = [one, two].map(instance => ({ ...instance, hostName: 'h1' }))
    const seen = observeDaemons(instances, view({ processes }), settings)
    expect(seen.map(({ processes: own }) => own.length)).toEqual([0, 1])
  })
})

describe('the state of a service', () => {
  const state = (more: Partial<HostView>) => {
    const [seen] = observeDaemons([one], view(more), {})
    return seen === undefined ? undefined : stateOf(seen)
  }
  const processes = [daemon(7, [program, '--flagfile', conf])]
  const ports = [{ address: '0.0.0.0', port: 9779 }]
  const lock = { path: '/data/storaged/nebula/1/data/LOCK' }

  it('is of processes, ports and locks', () => {
    expect(state({ processes, ports })).toBe('running')
    expect(state({ processes })).toBe('starting')
    expect(state({ ports })).toBe('unseen')
    expect(state({ locks: [lock] })).toBe('closing')
    expect(state({})).toBe('stopped')
  })

  it('is not that of a service with the same port at another address, or with other data', () => {
    expect(state({ ports: [{ address: '10.0.0.2', port: 9779 }] })).toBe('stopped')
    expect(state({ locks: [{ path: '/data/storaged2/nebula/1/data/LOCK' }] })).toBe('stopped')
  })

  it('is not touched by a lock of another service that shares the data path', () => {
    const metad = makeInstance('metad', '10.0.0.1:9559', { dataDirs: ['/data/storaged'] })
    const running = daemon(9, ['/usr/local/nebula/bin/nebula-metad', '--flagfile', metad.conf])
    const locks = [{ path: '/data/storaged/nebula/0/data/LOCK', pid: 9 }]
    const seen = observeDaemons([one, metad], view({ processes: [running], locks }), {})
    expect(seen.map(stateOf)).toEqual(['stopped', 'starting'])
  })

  it('says which processes a pid file does not name', () => {
    const pidFiles = { [one.pidFile]: '12\n' }
    const [seen] = observeDaemons([one], view({ processes, pidFiles }), {})
    expect(seen === undefined ? [] : strays(seen).map(({ pid }) => pid)).toEqual([7])
  })
})

describe('commands', () => {
  it('are those of the script, in its folder and with its file', () => {
    expect(serviceCommand(two, {}, 'stop')).toEqual({
      argv: ['scripts/nebula.service', '-c', two.conf, 'stop', 'storaged'],
      cwd: '/usr/local/nebula',
    })
    expect(statusCommand(one, {})?.argv.slice(-2)).toEqual(['status', 'storaged'])
    expect(statusCommand(one, { service_manager: 'systemd' })).toBeUndefined()
  })

  it('are those of systemd, with units of the user', () => {
    const settings = { service_manager: 'systemd' } as const
    expect(serviceCommand(one, settings, 'start').argv).toEqual([
      'systemctl',
      'start',
      '--',
      'nebula-storaged',
    ])
    expect(unitName(two, { ...settings, units: { storaged: 'nebula-{role}@{port}' } })).toBe(
      'nebula-storaged@9879',
    )
  })

  it('are those of the user, and no path becomes shell text', () => {
    const settings = {
      service_manager: 'command',
      service_commands: {
        start: 'docker start nebula-{service}',
        stop: 'cd {root} && ./stop {conf} {port} {other}',
      },
    } as const
    const odd = { ...one, installDir: `/opt/it's; rm -rf` }
    expect(serviceCommand(odd, settings, 'stop').argv).toEqual([
      '/bin/sh',
      '-c',
      `cd '/opt/it'\\''s; rm -rf' && ./stop ${conf} 9779 {other}`,
    ])
    expect(serviceCommand(odd, settings, 'start').argv[2]).toBe('docker start nebula-storaged')
    expect(() => serviceCommand(one, { service_manager: 'command' }, 'stop')).toThrow(
      expect.objectContaining({ code: 'schema.invalid' }),
    )
  })
})

it('reads what the script says, colours and all', () => {
  const text = [
    '[INFO] nebula-metad(46b2aac66): Running as 25859, Listening on \u001b[1m9559\u001b[0m ',
    '[INFO] nebula-graphd(46b2aac66): \u001b[5;31mExited\u001b[0m',
    '[WARN] The maximum files allowed to open might be too few: 1024',
  ].join('\n')
  expect(parseServiceStatus(text)).toEqual([
    { daemon: 'nebula-metad', pid: 25859 },
    { daemon: 'nebula-graphd' },
  ])
})
