import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { startVersitygw } from '../../test/servers/versitygw.ts'
import { type Invocation, timeRun } from '../measure.ts'
import { digestTree } from './data.ts'
import { type Measure, measures, type Scene, type Subject } from './subject.ts'

/** The parts of a scene that every subject shares. */
export interface Ground {
  readonly source: string
  readonly digest: string
  /** Everything that subjects write lies below. */
  readonly work: string
  /** An empty place for a subject of that name. */
  place(subject: string): Promise<EmptyPlace>
}

export interface EmptyPlace {
  readonly place: Scene['place']
  /** Ends what the place needs; its bytes may go. */
  close(): Promise<void>
}

/**
 * One subject, once: first backup, backup of the same again, restore into an empty folder; what was
 * restored is compared. Gives milliseconds.
 * @throws Error when the restored tree is not the source
 */
export async function playRound(
  subject: Subject,
  ground: Ground,
  time: (invocation: Invocation, measure: Measure) => number = ({ ...invocation }) =>
    timeRun(invocation).milliseconds,
): Promise<Readonly<Record<Measure, number>>> {
  const folder = join(ground.work, subject.name)
  const { place, close } = await ground.place(subject.name)
  const scene: Scene = {
    source: ground.source,
    folder: join(folder, 'own'),
    place,
    target: join(folder, 'restored'),
  }
  mkdirSync(scene.folder, { recursive: true })
  try {
    for (const invocation of subject.prepare(scene)) timeRun(invocation)
    const spent = { first: 0, unchanged: 0, restore: 0 }
    for (const measure of measures) {
      settleCaches(ground)
      if (measure === 'restore') await inodesFree()
      spent[measure] = time(subject.run(measure, scene), measure)
    }
    if (digestTree(subject.restored(scene)) !== ground.digest) {
      throw new Error(`${subject.name} restored something else than was backed up`)
    }
    return spent
  } finally {
    await close()
    rmSync(folder, { recursive: true, force: true })
    removedAt = performance.now()
  }
}

let removedAt = Number.NEGATIVE_INFINITY
/** ext4 (`recently_deleted`) passes over each inode that was freed in this time, one by one. */
const freedMs = 36_000

/** Nobody pays for the trees of whoever came before. */
async function inodesFree(): Promise<void> {
  await setTimeout(Math.max(0, removedAt + freedMs - performance.now()))
}

const mebibyte = 1024 * 1024
const ballastMebibytes = 1024

/**
 * The same state of the caches for everyone: the source is in memory, nothing waits to be written, and
 * there are free pages that were in use before (a virtual machine gets fresh ones slowly).
 */
function settleCaches({ source, work }: Pick<Ground, 'source' | 'work'>): void {
  const ballast = join(work, 'ballast')
  const piece = Buffer.alloc(mebibyte, 1)
  const file = openSync(ballast, 'w')
  for (let index = 0; index < ballastMebibytes; index += 1) writeSync(file, piece)
  closeSync(file)
  rmSync(ballast)
  digestTree(source)
  timeRun({ argv: ['sync'] })
}

/** How often a program calls fsync and its kin, its children too. */
export function countSyncs(invocation: Invocation, work: string): number {
  const counts = join(work, 'strace.txt')
  const calls = 'trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync'
  timeRun({
    ...invocation,
    argv: ['strace', '-f', '-c', '-e', calls, '-o', counts, ...invocation.argv],
  })
  const lines = readFileSync(counts, 'utf8').split('\n')
  rmSync(counts)
  const [, total = '0'] = lines
    .map(line => /^\s*100\.00\s+\S+\s+\S+\s+(\d+)\b/.exec(line) ?? [])
    .find(([whole]) => whole !== undefined) ?? ['', '0']
  return Number(total)
}

/** A folder for a subject's backups. */
export function folderPlace(work: string): Ground['place'] {
  return async subject => {
    const path = join(work, subject, 'vault')
    mkdirSync(dirname(path), { recursive: true })
    return { place: { kind: 'folder', path }, close: async () => {} }
  }
}

/** A bucket of a server that is started for the subject alone. */
export const bucketPlace: Ground['place'] = async () => {
  const server = await startVersitygw()
  const { hostname, port } = new URL(server.endpoint)
  return {
    place: {
      kind: 's3',
      host: hostname,
      port: Number(port),
      bucket: server.bucket,
      accessKey: server.accessKeyId,
      secretKey: server.secretAccessKey,
      region: 'us-east-1',
    },
    close: () => server.stop(),
  }
}
