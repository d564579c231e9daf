import type { Io } from '../../base/io.ts'
import { isRecord } from '../../base/json.ts'
import type { Key, ObjectInfo, ReadOnlyStorage } from '../../storage/contract.ts'
import { key } from '../../storage/key.ts'
import { planInvalid } from '../garbage.ts'

/** The newest vacuum that was planned, as its registers say. */
export interface Collection {
  /** Its number; 0 where none was ever planned. */
  readonly number: number
  readonly plan: ObjectInfo | undefined
  readonly seal: ObjectInfo | undefined
  /** Whom it waits for: the writers that were at work when it was planned. */
  readonly sessions: ObjectInfo | undefined
  readonly closed: boolean
}

/** A collection whose plan is there and not closed. */
export interface OpenCollection extends Collection {
  readonly plan: ObjectInfo
}

export const planKey = (number: number): Key => key(`gc/${number}/plan`)
export const waitKey = (number: number): Key => key(`gc/${number}/sessions`)
export const sealKey = (number: number): Key => key(`gc/${number}/seal`)
export const closedKey = (number: number): Key => key(`gc/${number}/closed`)

/** Reads which vacuum was planned last, and how far it is. */
export async function readCollection(storage: ReadOnlyStorage, io: Io): Promise<Collection> {
  const found = new Map<string, ObjectInfo>()
  let number = 0
  for await (const info of storage.list('gc/', io)) {
    const [, digits, what] =
      /^gc\/([1-9][0-9]{0,8})\/(plan|sessions|seal|closed)$/.exec(info.key) ?? []
    if (digits === undefined || what === undefined) continue
    found.set(info.key, info)
    if (what === 'plan') number = Math.max(number, Number(digits))
  }
  const at = (wanted: (number: number) => Key): ObjectInfo | undefined =>
    number === 0 ? undefined : found.get(wanted(number))
  return {
    number,
    plan: at(planKey),
    sessions: at(waitKey),
    seal: at(sealKey),
    closed: at(closedKey) !== undefined,
  }
}

export function isOpen(collection: Collection): collection is OpenCollection {
  return collection.plan !== undefined && !collection.closed
}

/** Bytes in which the first line of a plan ends. */
const headerBytes = 4096

/** When a plan was made, by the clock that its vacuum went by. @throws repository.plan_invalid */
export async function readPlanTime(
  storage: ReadOnlyStorage,
  { key, sizeBytes }: ObjectInfo,
  io: Io,
): Promise<Date> {
  const range = { offset: 0, lengthBytes: Math.min(headerBytes, sizeBytes) }
  const [line = ''] = Buffer.from(await storage.get(key, io, range))
    .toString()
    .split('\n')
  let header: unknown
  try {
    header = JSON.parse(line)
  } catch {
    throw planInvalid(key, 'its first line is not JSON')
  }
  const created = isRecord(header) ? header['created'] : undefined
  const time = new Date(typeof created === 'string' ? created : Number.NaN)
  if (Number.isNaN(time.getTime())) throw planInvalid(key, 'it does not say when it was made')
  return time
}
