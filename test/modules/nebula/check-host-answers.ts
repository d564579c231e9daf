import type { ReadOnlyHost } from '../../../src/connection/contract.ts'
import { fakeHost, files, type Question } from '../../databases/nebula/fake-host.ts'
import { confs } from './scene.ts'

/** What a healthy host of the scene answers the check; tests replace single answers. */
export interface HostAnswers {
  readonly ports?: readonly number[]
  /** By command: what it prints. */
  readonly outputs?: Readonly<Record<string, { readonly code?: number; readonly stdout: string }>>
  readonly availableBytes?: number
  readonly mountedReadOnly?: boolean
  readonly confs?: Readonly<Record<string, string>>
}

const epochSeconds = Date.UTC(2026, 10, 21, 10) / 1000

const listening: Readonly<Record<string, readonly number[]>> = {
  m1: [9559, 9669],
  s1: [9779, 9778],
  s2: [9779, 9778],
}

const defaults: Readonly<Record<string, string>> = {
  date: `${epochSeconds}\n`,
  id: 'nebula\n',
  sh: 's 755 nebula nebula /d1/nebula\ns 755 nebula nebula /d1/nebula/1/checkpoints\n',
  df: 'Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 1000000 10 999990 1% /\n',
  du: '1024\t/d1/nebula\n',
}

export function healthyHost(name: 'm1' | 's1' | 's2', answers: HostAnswers = {}): ReadOnlyHost {
  const ports = answers.ports ?? listening[name] ?? []
  const said = ({ kind, args }: Question): unknown => {
    if (kind === 'listeningPorts') return ports.map(port => ({ address: '0.0.0.0', port }))
    if (kind === 'freeSpace') {
      return {
        availableBytes: answers.availableBytes ?? 1024 ** 3,
        device: '1',
        mountPoint: '/',
        writable: true,
        mountedReadOnly: answers.mountedReadOnly ?? false,
      }
    }
    if (kind !== 'output') return undefined
    const [command = ''] = args['argv'] as readonly string[]
    const replaced = answers.outputs?.[command]
    if (replaced !== undefined) return { code: 0, stderr: '', ...replaced }
    const stdout = defaults[command]
    return stdout === undefined ? undefined : { code: 0, stderr: '', stdout }
  }
  return fakeHost(name, said, files(answers.confs ?? confs[name]))
}
