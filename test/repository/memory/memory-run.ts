import { spawn, spawnSync } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const mebibyte = 1024 * 1024
const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

/** What a tree is made of. */
export interface TreeSize {
  /** Of the one large file; random, or blocks would be found again. */
  readonly largeMebibytes: number
  readonly smallFiles: number
  /** Of the small ones, at most, in bytes: the first is empty, and sizes go up to this and begin anew. */
  readonly upToBytes?: number
  /** Of one file that is a single hole. */
  readonly sparseGibibytes?: number
}

/** The most memory the bkp process held, in bytes. */
export interface Peaks {
  readonly backup: number
  readonly again: number
  readonly list: number
  readonly verify: number
  readonly restore: number
}

/**
 * Backs a tree up, backs it up again, lists and verifies it, restores it beside, compares; by the built
 * command line.
 */
export async function measurePeaks(size: TreeSize): Promise<Peaks> {
  const { largeMebibytes, smallFiles, upToBytes, sparseGibibytes = 0 } = size
  const work = mkdtempSync(join(tmpdir(), 'bkp-memory-'))
  try {
    const source = join(work, 'source')
    const target = join(work, 'target')
    mkdirSync(source)
    if (largeMebibytes > 0) writeLarge(join(source, 'large'), largeMebibytes)
    for (let i = 0; i < smallFiles; i += 1) {
      const folder = join(source, `folder-${Math.floor(i / 1000)}`)
      if (i % 1000 === 0) mkdirSync(folder)
      const content =
        upToBytes === undefined ? `content ${i}` : textOf(i, (i * 61) % (upToBytes + 1))
      writeFileSync(join(folder, `a-file-with-a-name-of-usual-length-${i}`), content)
    }
    if (sparseGibibytes > 0) {
      const hole = openSync(join(source, 'hole'), 'w')
      ftruncateSync(hole, sparseGibibytes * 1024 * mebibyte)
      closeSync(hole)
    }
    const play = (name: string, tasks: readonly unknown[]): void => {
      writeFileSync(join(work, name), JSON.stringify([{ name, hosts: 'tree', tasks }]))
    }
    const inventory = {
      all: { hosts: { here: { ansible_connection: 'local' } } },
      clusters: { tree: { kind: 'files', hosts: 'here', paths: [source] } },
      storages: { vault: { type: 'file', path: join(work, 'vault') } },
    }
    writeFileSync(join(work, 'inventory.yml'), JSON.stringify(inventory))
    const place = { storage: 'vault', cluster: 'tree' }
    play('backup.yml', [{ 'repository.backup': place }])
    const path_map = { [source]: target }
    play('restore.yml', [
      { 'repository.stage': { ...place, path_map }, register: 'staged' },
      { 'repository.swap': { stage: '{{ staged }}' } },
    ])
    const peak = async (...command: readonly string[]): Promise<number> =>
      (await peakOf(work, [...command, '-i', join(work, 'inventory.yml')])).peakBytes
    const run = (playbook: string): Promise<number> => peak('run', join(work, playbook))
    const backup = await run('backup.yml')
    const again = await run('backup.yml')
    const list = await peak('show', 'vault', 'latest', '--json')
    const verify = await peak('verify', 'vault', '--read-data')
    const restore = await run('restore.yml')
    const { status, stdout } = spawnSync('diff', ['-r', source, target], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`what was restored differs: ${stdout.slice(0, 500)}`)
    return { backup, again, list, verify, restore }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function writeLarge(path: string, mebibytes: number): void {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const zeros = Buffer.alloc(mebibyte)
  const file = openSync(path, 'w')
  for (let i = 0; i < mebibytes; i += 1) writeSync(file, cipher.update(zeros))
  closeSync(file)
}

/** Text of that length that no other file begins with. */
function textOf(seed: number, bytes: number): string {
  return `${seed} `.repeat(Math.ceil(bytes / 2)).slice(0, bytes)
}

/**
 * Runs bkp, and reads the kernel's own high-water mark of the process until it has ended; and what it
 * said in the end.
 */
export async function peakOf(
  work: string,
  command: readonly string[],
): Promise<{ readonly peakBytes: number; readonly said: string }> {
  const child = spawn(process.execPath, [cli, ...command], {
    env: { ...process.env, BKP_STATE_DIR: join(work, 'state'), TMPDIR: work },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    // A list of a million files is not kept here.
    stream.on('data', (bytes: Buffer) => {
      said = `${said}${bytes.toString()}`.slice(-4000)
    })
  }
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, highWater(child.pid ?? 0))
  }, 20)
  const code = await new Promise(resolve => child.once('close', resolve))
  clearInterval(watch)
  if (code !== 0) throw new Error(`bkp ${command.join(' ')} ended with ${code}: ${said}`)
  return { peakBytes: peak, said }
}

/** VmHWM in bytes; 0 once the process is gone. */
function highWater(pid: number): number {
  try {
    const [, kibibytes = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(status(pid)) ?? []
    return Number(kibibytes) * 1024
  } catch {
    return 0
  }
}

function status(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8')
}
