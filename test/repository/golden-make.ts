import { writeFile } from 'node:fs/promises'
import { listBackups, resolveBackup } from '../../src/repository/catalogue.ts'
import { readFileEntries } from '../../src/repository/read.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { viewFile } from '../../src/repository/views.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import {
  backUp,
  backupOptions,
  type MemoryHost,
  memoryHost,
  quietIo,
  smallGeometry,
  testClock,
  testRandom,
} from './support.ts'

/** Every kind of entry there is: packed, chunked, empty, odd names, links, modes, old times. */
function firstState(): MemoryHost {
  const host = memoryHost('db1', { root: '/data', source: '/data/checkpoint', immutable: true })
  host.set('small', 'tiny', { mode: 0o600, mtimeNs: 1_700_000_000_123_456_789n })
  host.set('small 2', 'tiny too')
  host.set('large', Buffer.from('0123456789abcdef'.repeat(10)))
  host.set('empty', '', { mtimeNs: -1n })
  host.set('dir', '', { type: 'directory', mode: 0o1777 })
  host.set('dir/link', '', { type: 'symlink', symlinkTarget: Buffer.from('../small') })
  host.set(Buffer.from('not utf-8 \xff\n', 'latin1'), 'odd')
  for (let i = 0; i < 20; i += 1) host.set(`many/${i}`, `${i}`)
  host.set('many', '', { type: 'directory' })
  return host
}

export function goldenHost(): {
  readonly host: MemoryHost
  readonly first: ReadonlyMap<string, string>
  readonly second: ReadonlyMap<string, string>
} {
  const host = firstState()
  const first = host.tree()
  change(host)
  return { host, first, second: host.tree() }
}

function change(host: MemoryHost): void {
  host.set('large', Buffer.from(`${'0123456789abcdef'.repeat(8)}changed`))
  host.set('small 2', 'changed')
}

/** Of the second backup: its entries go into list blocks. */
export const goldenGeometry = { ...smallGeometry, blockBytes: 512, inlineListBytes: 1000 }

/** Two backups, a vacuum planned between them, a revoked session, a forgotten checkpoint. */
export async function makeGolden(storage: Storage): Promise<void> {
  const clock = testClock()
  const random = testRandom('golden')
  const host = firstState()
  const labels = { why: 'golden' }
  const recoveryKit = [{ path: 'backup.yml', content: Buffer.from('- name: golden\n') }]
  const common = { clock, random, labels, recoveryKit, metadata: { space: 'graph', parts: [1, 2] } }
  await backUp(backupOptions(storage, [host], { ...common, hostsExpected: ['db1'] }), quietIo)
  await storage.putIfAbsent('gc/1/plan' as never, Buffer.from('{"format":1}\nend 0\n'), quietIo)
  await storage.putIfAbsent('gc/1/closed' as never, Buffer.from('{}\n'), quietIo)
  clock.advance(1000)
  host.onRead = () => {
    throw new Error('revoked')
  }
  change(host)
  await backUp(backupOptions(storage, [host], common), quietIo).catch(() => {})
  host.onRead = () => clock.advance(1000)
  const geometry = goldenGeometry
  const options = { ...common, checkpointEveryMs: 1000, geometry }
  await backUp(backupOptions(storage, [host], options), quietIo)
}

/** `tsx test/repository/golden-make.ts`: only for a new format, never to make a test pass. */
if (process.argv[1]?.endsWith('golden-make.ts') === true) {
  const storage = createFileStorage({ directory: 'test/golden/repository-v1' })
  await makeGolden(storage)
  const repo = await openRepository(storage, quietIo)
  const { backups, damaged } = await listBackups(repo, quietIo)
  const files: unknown[] = []
  for (const { name } of backups) {
    const backup = await resolveBackup(repo, { backup: name }, quietIo)
    for await (const file of readFileEntries(repo, backup, quietIo)) files.push(viewFile(file))
  }
  await writeFile(
    'test/golden/repository-v1.json',
    `${JSON.stringify({ backups, damaged, files }, null, 1)}\n`,
  )
}
