import { BkpError } from '../../../src/base/errors.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { type Answerer, files as confFiles, fakeHost } from '../../databases/nebula/fake-host.ts'
import { confs } from './scene.ts'

/** Files of a host by path; folders are what is above them. */
export type Disk = Map<string, Uint8Array>

/** When everything on these disks changed, and what time it is there; seconds since 1970. */
export const diskTime = Date.UTC(2026, 10, 21, 10) / 1000

function kindOf(disk: Disk, path: string): 'file' | 'directory' | 'absent' {
  if (disk.has(path)) return 'file'
  return [...disk.keys()].some(each => each.startsWith(`${path}/`)) ? 'directory' : 'absent'
}

function inodeOf(path: string): string {
  return String(Buffer.from(path).reduce((sum, byte) => (sum * 31 + byte) % 1_000_000_007, 7))
}

/** What is on the disk, as the probes of checkpoints ask for it. */
function answersOf(disk: Disk): Answerer {
  return ({ kind, args }) => {
    const path = String(args['path'] ?? args['root'])
    if (kind === 'file') {
      const what = kindOf(disk, path)
      if (what === 'absent') return { kind: what }
      const sizeBytes = disk.get(path)?.length ?? 4096
      const inode = inodeOf(path)
      return { kind: what, sizeBytes, mode: '0755', inode, mtimeNs: '0', hardLinks: 2 }
    }
    if (kind === 'content' && disk.has(path)) return { bytes: disk.get(path), truncated: false }
    if (kind !== 'searchTree') return undefined
    const depth = Number(args['depth'] ?? 100)
    const found = new Set<string>()
    for (const each of disk.keys()) {
      if (!each.startsWith(`${path}/`)) continue
      const names = each.slice(path.length + 1).split('/')
      for (let level = 1; level <= Math.min(depth, names.length); level++) {
        found.add(`${path}/${names.slice(0, level).join('/')}`)
      }
    }
    return {
      kind: kindOf(disk, path),
      nowSeconds: diskTime + 10 * 3600,
      problems: '',
      entries: [...found].map(each => ({
        path: Buffer.from(each),
        type: kindOf(disk, each),
        sizeBytes: disk.get(each)?.length ?? 4096,
        modifiedAt: diskTime,
        inode: inodeOf(each),
        hardLinks: 2,
      })),
    }
  }
}

/** A host of the scene with a disk in memory; checkpoints can be removed from it, and nothing else. */
export function diskHost(name: 'm1' | 's1' | 's2', disk: Disk): Host & { isUp: boolean } {
  const reading = fakeHost(name, answersOf(disk), confFiles(confs[name]))
  const reach = (): void => {
    if (!host.isUp) throw new BkpError('ssh.unreachable', `no SSH connection to ${name}`)
  }
  const refuse = (): never => {
    throw new Error('not part of this host')
  }
  const host: Host & { isUp: boolean } = {
    ...reading,
    isUp: true,
    ask: async (probes, io) => {
      reach()
      return await reading.ask(probes, io)
    },
    read: async function* (path) {
      reach()
      yield disk.get(String(path)) ?? new Uint8Array()
    },
    run: async command => {
      reach()
      const [shell, , script = '', , ...paths] = command.argv.map(String)
      if (shell !== 'sh' || !script.includes('rm -rf --')) throw new Error(`ran ${shell}`)
      for (const path of paths) {
        for (const each of disk.keys()) if (each.startsWith(`${path}/`)) disk.delete(each)
      }
      const nothing = new Uint8Array()
      return { code: 0, stdout: nothing, stderr: nothing, truncated: false }
    },
    stream: refuse,
    write: refuse,
    dial: refuse,
  }
  return host
}
