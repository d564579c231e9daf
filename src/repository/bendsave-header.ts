import { createHash } from 'node:crypto'
import { BkpError } from '../base/errors.ts'
import { key } from '../storage/key.ts'

/** The file that makes a folder a repository. */
export const bendsaveKey = key('bendsave.md')

/** What the front matter of bendsave.md says. */
export interface BendsaveHeader {
  readonly format: number
  readonly repositoryId: string
}

/** The newest repository format this bkp reads. */
export const newestRepositoryFormat = 1

/** Largest bendsave.md that is read, in bytes. */
const largestHeader = 1024 * 1024

/**
 * Reads the front matter. A file without one is a plain repository of the RFC: format 1, and an id
 * made from its text. Unknown keys are ignored. @throws repository.unsupported_format
 */
export function parseBendsave(bytes: Uint8Array, url: string): BendsaveHeader {
  const text = Buffer.from(bytes.subarray(0, largestHeader)).toString('utf8')
  const fields = frontMatter(text)
  const version = fields.get('format_version') ?? '1'
  const format = /^[0-9]{1,6}$/.test(version) ? Number(version) : undefined
  if (format === undefined || format < 1 || format > newestRepositoryFormat) {
    throw new BkpError(
      'repository.unsupported_format',
      `the repository at ${url} has format ${JSON.stringify(version.slice(0, 40))}; this bkp reads format ${newestRepositoryFormat}`,
      { hint: 'install a newer bkp; bendsave.md in the repository tells how to restore by hand' },
    )
  }
  const named = fields.get('repository_id') ?? ''
  const repositoryId = /^[0-9a-f]{32}$/.test(named)
    ? named
    : createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  return { format, repositoryId }
}

/** `key: value` lines between two lines of dashes at the start of the file. */
function frontMatter(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/)
  const end = lines.indexOf('---', 1)
  if (lines[0] !== '---' || end < 0) return new Map()
  return new Map(
    lines.slice(1, end).flatMap(line => {
      const match = /^([a-z_]+):\s*(.*?)\s*$/.exec(line)
      const [, name, value] = match ?? []
      return name === undefined || value === undefined ? [] : [[name, value] as const]
    }),
  )
}
