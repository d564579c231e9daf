import type { Io } from '../../base/io.ts'
import type { Key } from '../../storage/contract.ts'
import type { WritableRepository } from '../repository.ts'
import { infoByName, listRegisterNames } from './open-sessions.ts'

const batchSize = 1000

/**
 * Removes the announcements and beats of sessions whose register is set: no one asks for them any
 * more. Registers stay for ever. What cannot be removed is a few bytes until the next time.
 */
export async function cleanUpSessions(repo: WritableRepository, io: Io): Promise<void> {
  const { storage } = repo
  const sessions = await infoByName(storage, 'sessions/', io)
  const beats = await infoByName(storage, 'beats/', io)
  if (sessions.size + beats.size === 0) return
  // Registers last: a session that is gone must have a register that was seen.
  const registers = await listRegisterNames(storage, io)
  const keys: Key[] = [...beats, ...sessions].flatMap(([name, { key }]) =>
    registers.has(name) ? [key] : [],
  )
  for (let at = 0; at < keys.length; at += batchSize) {
    await storage.delete(keys.slice(at, at + batchSize), io)
  }
}
