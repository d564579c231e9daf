import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { ObjectInfo, ReadOnlyStorage } from '../storage/contract.ts'
import { type BlockTable, createBlockTable } from './block-table.ts'
import { dataPrefix, parseBlockKey } from './names.ts'

/** What a writer must know of vacuums: read once, after its session was announced. */
export interface GarbageState {
  /** The highest planned n, 0 where there was never a plan: new blocks get this generation. */
  readonly generation: number
  /** Whether that plan is not closed yet. */
  readonly open: boolean
  /** Whether an open plan may delete this block: such a name is never used again. */
  isCondemned(block: { readonly blockId: string; readonly generation: number }): boolean
}

/** Bytes of a plan read at a time. */
const pieceBytes = 8 * 1024 * 1024
/** Bytes of a plan encoded at a time, about. */
const encodedPieceBytes = 64 * 1024

/**
 * Reads `gc/`. Call it only after the session was announced: a vacuum publishes its plan and then
 * looks for sessions, so that one of the two sees the other.
 * @throws repository.plan_invalid, storage.*
 */
export async function readGarbageState(storage: ReadOnlyStorage, io: Io): Promise<GarbageState> {
  const plans = new Map<number, ObjectInfo>()
  const closed = new Set<number>()
  for await (const info of storage.list('gc/', io)) {
    const [, number, what] = /^gc\/([1-9][0-9]{0,8})\/(plan|closed)$/.exec(info.key) ?? []
    if (number === undefined) continue
    if (what === 'plan') plans.set(Number(number), info)
    else closed.add(Number(number))
  }
  const generation = Math.max(0, ...plans.keys())
  const plan = plans.get(generation)
  if (plan === undefined || closed.has(generation)) {
    return Object.freeze({ generation, open: false, isCondemned: () => false })
  }
  const candidates = await readCandidates(storage, plan, io)
  return Object.freeze({
    generation,
    open: true,
    isCondemned: block => {
      const id = Buffer.from(block.blockId, 'hex')
      return candidates.get(block.generation)?.get(id) !== undefined
    },
  } satisfies GarbageState)
}

/** One table for each generation: an id may be condemned in several. */
async function readCandidates(
  storage: ReadOnlyStorage,
  plan: ObjectInfo,
  io: Io,
): Promise<ReadonlyMap<number, BlockTable>> {
  const tables = new Map<number, BlockTable>()
  for await (const { blockId, generation } of readPlan(storage, plan, io)) {
    const table = tables.get(generation) ?? createBlockTable()
    tables.set(generation, table)
    table.add(Buffer.from(blockId, 'hex'), { generation, sizeBytes: 0 })
  }
  return tables
}

/**
 * The candidates of a plan. Its body: a line of JSON (`{"format":1,...}`), a line for each block
 * as it is named below `data/`, sorted, and `end <number of blocks>`, which a torn plan lacks.
 * @throws repository.plan_invalid, storage.*
 */
export async function* readPlan(
  storage: ReadOnlyStorage,
  plan: Pick<ObjectInfo, 'key' | 'sizeBytes'>,
  io: Io,
): AsyncIterable<{ readonly blockId: string; readonly generation: number }> {
  let count = 0
  let ended = false
  let first = true
  let last = ''
  for await (const line of readLines(storage, plan, io)) {
    if (first) {
      first = false
      checkHeader(line, plan.key)
      continue
    }
    if (ended) throw planInvalid(plan.key, 'something follows its end')
    if (line === `end ${count}`) {
      ended = true
      continue
    }
    const block = parseBlockKey(`${dataPrefix}${line}`)
    if (block === undefined) throw planInvalid(plan.key, 'a line names no block')
    // Whoever joins it with a listing relies on the order.
    if (line <= last) throw planInvalid(plan.key, 'its lines are not in order')
    last = line
    count += 1
    yield block
  }
  if (!ended) throw planInvalid(plan.key, 'it has no end')
}

/** A plan's body, in pieces; the blocks come as they are named below `data/`, sorted. */
export async function* encodePlan(
  header: { readonly created: string },
  blocks: AsyncIterable<string> | Iterable<string>,
): AsyncIterable<Uint8Array> {
  let text = `${JSON.stringify({ format: 1, ...header })}\n`
  let count = 0
  for await (const line of blocks) {
    text += `${line}\n`
    count += 1
    if (text.length < encodedPieceBytes) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(`${text}end ${count}\n`)
}

async function* readLines(
  storage: ReadOnlyStorage,
  { key, sizeBytes }: Pick<ObjectInfo, 'key' | 'sizeBytes'>,
  io: Io,
): AsyncIterable<string> {
  let rest = ''
  for (let offset = 0; offset < sizeBytes; offset += pieceBytes) {
    const lengthBytes = Math.min(pieceBytes, sizeBytes - offset)
    const piece = Buffer.from(await storage.get(key, io, { offset, lengthBytes }))
    const lines = `${rest}${piece.toString('latin1')}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') throw planInvalid(key, 'its last line is torn')
}

function checkHeader(line: string, key: string): void {
  let header: unknown
  try {
    header = JSON.parse(line)
  } catch {
    throw planInvalid(key, 'its first line is not JSON')
  }
  if (!isRecord(header) || header['format'] !== 1) {
    throw planInvalid(key, 'it has a format this bkp does not read')
  }
}

/** A plan or a seal that breaks the format. */
export function planInvalid(key: string, what: string): BkpError {
  return new BkpError('repository.plan_invalid', `${key}: ${what}`, {
    hint: 'nothing was deleted or stored; install a newer bkp, or cancel that vacuum',
    details: { key },
  })
}
