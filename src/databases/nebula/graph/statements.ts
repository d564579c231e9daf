import { BkpError } from '../../../base/errors.ts'
import { isCheckpointName } from '../layout.ts'
import type { ReadingStatement, WritingStatement } from './contract.ts'

/** Longer than any name of a space that there is, in bytes. */
const nameLimitBytes = 1024

/** What could end the quotes, or is nothing that anybody typed. */
const unsound = /[`\\\p{Cc}\p{Cs}\u2028\u2029]/u

/**
 * A name as nGQL takes it between backticks. Names come from servers and users: what could end the
 * quotes, or is no name, is refused.
 * @throws schema.invalid
 */
export function quoteName(name: string): string {
  const isSound = name !== '' && Buffer.byteLength(name) <= nameLimitBytes && !unsound.test(name)
  if (isSound) return `\`${name}\``
  throw new BkpError('schema.invalid', `${JSON.stringify(name)} is no name of a space`, {
    hint: 'names have no backtick, backslash or control character',
  })
}

/** Chooses a space for the statements after it in its session. @throws schema.invalid */
export function useSpace(space: string): ReadingStatement {
  return reading(`USE ${quoteName(space)}`)
}

/** Columns Type, Name, Count: what the newest STATS job of the chosen space counted. */
export const showStats: ReadingStatement = reading('SHOW STATS')

/** Columns Job Id, Command, Status, Start Time, Stop Time: all of a space that have not expired. */
export const showJobs: ReadingStatement = reading('SHOW JOBS')

/** The first row is the job, the others its tasks. @throws schema.invalid */
export function showJob(id: bigint): ReadingStatement {
  if (id >= 0n && id < 2n ** 63n) return reading(`SHOW JOB ${id}`)
  throw new BkpError('schema.invalid', `${id} is no number of a job`)
}

/** Columns PartId, Type, Host and a status: the listeners of the chosen space. */
export const showListener: ReadingStatement = reading('SHOW LISTENER')

/** Columns Name, Schema Type, Schema Name, Fields: those of the chosen space. */
export const showFulltextIndexes: ReadingStatement = reading('SHOW FULLTEXT INDEXES')

/** Columns Name, Status, Hosts (specs/nebula.md §3.1). */
export const showSnapshots: ReadingStatement = reading('SHOW SNAPSHOTS')

/** Column Name. */
export const showSpaces: ReadingStatement = reading('SHOW SPACES')

/** Starts a job that counts the vertices and edges of the chosen space; column New Job Id. */
export const submitStats: WritingStatement = writing('SUBMIT JOB STATS')

/** Blocks writes of the whole cluster while it runs; brings nothing. */
export const createSnapshotStatement: WritingStatement = writing('CREATE SNAPSHOT')

/** Its name stands without quotes (specs/nebula.md §3.1). @throws schema.invalid for what is no name of a snapshot or backup */
export function dropSnapshotStatement(name: string): WritingStatement {
  if (isCheckpointName(name)) return writing(`DROP SNAPSHOT ${name}`)
  throw new BkpError('schema.invalid', `${JSON.stringify(name)} is no name of a snapshot`, {
    hint: 'names are as SNAPSHOT_2021_03_09_08_43_12 or BACKUP_...',
  })
}

function reading(text: string): ReadingStatement {
  return Object.freeze({ text }) as ReadingStatement
}

function writing(text: string): WritingStatement {
  return Object.freeze({ text }) as WritingStatement
}
