import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Answers, Probe } from '../../../connection/contract.ts'
import { type ArchiveFacts, archive, type FileFacts, file } from '../../../connection/probes.ts'
import type { Attributes } from '../files/attributes.ts'
import { withoutTrailingSlash } from '../files/facts.ts'
import { type GuardProbes, guardProbes } from '../running/guards.ts'

export interface UnarchiveArguments extends Attributes {
  readonly src: string
  readonly dest: string
  readonly remote_src?: boolean
  readonly creates?: string
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  readonly keep_newer?: boolean
  readonly list_files?: boolean
}

export type UnarchiveProbes = Pick<GuardProbes, 'creates'> & {
  readonly dest: Probe<FileFacts>
  /** Of an archive that lies on the host. */
  readonly archive?: Probe<ArchiveFacts>
}

export type UnarchiveAnswers = Answers<UnarchiveProbes>

/** The folder it is unpacked into. */
export function folderOf({ dest }: Pick<UnarchiveArguments, 'dest'>): string {
  return withoutTrailingSlash(dest)
}

/** The question about an archive at that path of the host. */
export function archiveProbe(args: UnarchiveArguments, src: string): Probe<ArchiveFacts> {
  const { include, exclude, owner, group, mode } = args
  const details = [owner, group, mode].some(one => one !== undefined) || args.keep_newer === true
  return archive({
    src,
    dest: folderOf(args),
    ...(include === undefined ? {} : { include }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(details ? { details } : {}),
  })
}

/** What unarchive looks at. @throws step.failed for an archive of the host without a whole path */
export function unarchiveProbes(args: UnarchiveArguments): UnarchiveProbes {
  const { src, creates } = args
  if (args.remote_src === true && !posix.isAbsolute(src)) {
    throw new BkpError('step.failed', `${src} is no path of the host: it does not begin with /`, {
      hint: 'with remote_src: true the archive lies on the host; without it, on the controller',
    })
  }
  return {
    ...guardProbes(creates === undefined ? {} : { creates }),
    dest: file(folderOf(args), { follow: true }),
    ...(args.remote_src === true ? { archive: archiveProbe(args, src) } : {}),
  }
}
