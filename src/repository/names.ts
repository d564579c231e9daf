import { BkpError } from '../base/errors.ts'
import type { Key } from '../storage/contract.ts'
import { key } from '../storage/key.ts'

/** Name of a backup, a session, a manifest: `YYYYMMDD_HHMMSS` in UTC. */
export type BackupName = string

const pattern = /^(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)$/

/** Whether the text is a name of a second that exists. */
export function isBackupName(text: string): text is BackupName {
  return parseName(text) !== undefined
}

/** The second a name stands for. @throws internal when it is not a name */
export function nameTime(name: BackupName): Date {
  const date = parseName(name)
  if (date === undefined) throw new BkpError('internal', `"${name}" is not the name of a backup`)
  return date
}

function parseName(text: string): Date | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second] = match
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const date = new Date(iso)
  // The round trip refuses the 31st of June, which Date would move to July.
  return Number.isNaN(date.getTime()) || date.toISOString() !== iso ? undefined : date
}

export const manifestPrefix = 'manifests/'
const manifestSuffix = '.manifest'

/** `manifests/S.manifest`: the register of session S. */
export function manifestKey(name: BackupName): Key {
  return key(`${manifestPrefix}${name}${manifestSuffix}`)
}

/** The name in a manifest's key, or nothing for a key that is none. */
export function manifestName(text: string): BackupName | undefined {
  if (!text.startsWith(manifestPrefix) || !text.endsWith(manifestSuffix)) return undefined
  const name = text.slice(manifestPrefix.length, -manifestSuffix.length)
  return isBackupName(name) ? name : undefined
}

export const sessionKey = (name: BackupName): Key => key(`sessions/${name}`)
export const beatKey = (name: BackupName): Key => key(`beats/${name}`)
export const forgottenPrefix = 'forgotten/'
export const forgottenKey = (name: BackupName): Key => key(`${forgottenPrefix}${name}`)
export const checkKey = (name: BackupName, nonce: string): Key => key(`checks/${name}/${nonce}`)

export const dataPrefix = 'data/'
const blockId = /^[0-9a-f]{64}$/

/** Whether the text is a block's id: the sha256 of its bytes, 64 lower-case hex digits. */
export function isBlockId(text: string): boolean {
  return blockId.test(text)
}

/** `data/<id>` for generation 0, `data/<id>.<generation>` otherwise. */
export function blockKey(block: { readonly blockId: string; readonly generation: number }): Key {
  const suffix = block.generation === 0 ? '' : `.${block.generation}`
  return key(`${dataPrefix}${block.blockId}${suffix}`)
}

/** The block a key of `data/` names, or nothing for a key that is none. */
export function parseBlockKey(
  text: string,
): { readonly blockId: string; readonly generation: number } | undefined {
  const match = /^data\/([0-9a-f]{64})(?:\.([1-9][0-9]{0,8}))?$/.exec(text)
  const [, id, generation] = match ?? []
  return id === undefined ? undefined : { blockId: id, generation: Number(generation ?? 0) }
}
