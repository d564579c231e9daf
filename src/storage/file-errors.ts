import { BkpError, type ErrorCode } from '../base/errors.ts'

/** The errno name of a file system error, if it is one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

const meanings: Readonly<Record<string, { code: ErrorCode; what: string; hint: string }>> = {
  ENOSPC: {
    code: 'storage.no_space',
    what: 'no space is left',
    hint: 'free space there, or vacuum the repository; nothing half-written was left behind',
  },
  EDQUOT: {
    code: 'storage.no_space',
    what: 'the quota is used up',
    hint: 'raise the quota, or vacuum the repository; nothing half-written was left behind',
  },
  EACCES: {
    code: 'storage.failed',
    what: 'permission denied',
    hint: 'give the user that runs bkp read and write permission there',
  },
  EPERM: {
    code: 'storage.failed',
    what: 'the operation is not permitted',
    hint: 'the file system must allow hard links, and the user that runs bkp must own the folder',
  },
  EROFS: {
    code: 'storage.failed',
    what: 'the file system is read-only',
    hint: 'mount it writable, or use another storage',
  },
  ENOTSUP: {
    code: 'storage.failed',
    what: 'the file system has no hard links',
    hint: 'a repository needs a file system that can create a file only if it is absent',
  },
  ENOTDIR: {
    code: 'storage.failed',
    what: 'something that is not a folder is in the way',
    hint: 'check the path of the storage',
  },
  EISDIR: {
    code: 'storage.failed',
    what: 'a folder is where an object should be',
    hint: 'move the folder away',
  },
  EIO: {
    code: 'storage.failed',
    what: 'the disk reported an error',
    hint: 'the file counts as lost; check the disk before the next run',
  },
  EMFILE: {
    code: 'storage.failed',
    what: 'too many files are open',
    hint: 'raise `ulimit -n`',
  },
}

/** A file system error as ours: what failed, on what, why, and what to do. */
export function fileError(thrown: unknown, doing: string, url: string): BkpError {
  if (thrown instanceof BkpError) return thrown
  const errno = errnoOf(thrown)
  const meaning = errno === undefined ? undefined : meanings[errno]
  const why = meaning?.what ?? (thrown instanceof Error ? thrown.message : String(thrown))
  return new BkpError(meaning?.code ?? 'storage.failed', `${doing} in ${url}: ${why}`, {
    cause: thrown,
    ...(meaning === undefined ? {} : { hint: meaning.hint }),
    details: { ...(errno === undefined ? {} : { errno }) },
  })
}
