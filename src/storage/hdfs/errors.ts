import { BkpError } from '../../base/errors.ts'
import { OddAnswer } from '../remote/answers.ts'
import { type Meaning, meaningsByName, noAnswer, noHttp, stillBusy } from '../remote/meaning.ts'
import { codeOf, judgeFailure, plain, Refusal } from './failures.ts'
import type { HdfsPlace } from './place.ts'

export const proxyHint =
  'check that the namenodes are the web addresses of HDFS (9870; 8020 and 9000 speak no HTTP) and no login page answers in their place'

const quota: Meaning = {
  code: 'storage.no_space',
  what: 'the quota of the directory is used up',
  hint: 'raise it (hdfs dfsadmin -setSpaceQuota, -setQuota), or vacuum the repository',
}
const token: Meaning = {
  what: 'the delegation token is not valid (any more)',
  hint: 'get a new one (op=GETDELEGATIONTOKEN, hdfs fetchdt), then bkp resume the run',
}

/** Java exceptions that users can do something about, by their simple names. */
const meanings: Readonly<Record<string, Meaning>> = {
  AccessControlException: {
    what: 'permission denied',
    hint: 'give the user write permission on the directory, and execute on those above it',
  },
  AuthorizationException: {
    what: 'the user may not do that',
    hint: 'check `user`, and the proxy users of the cluster',
  },
  DSQuotaExceededException: quota,
  NSQuotaExceededException: quota,
  QuotaByStorageTypeExceededException: quota,
  QuotaExceededException: quota,
  SafeModeException: {
    code: 'storage.unreachable',
    what: 'the namenode is in safe mode, where nothing is written',
    hint: 'wait, or see hdfs dfsadmin -safemode get; then bkp resume the run',
  },
  StandbyException: {
    code: 'storage.unreachable',
    what: 'no namenode that was named is the active one',
    hint: 'name all of them under `namenodes`; see hdfs haadmin -getAllServiceState',
  },
  InvalidToken: token,
  ParentNotDirectoryException: {
    what: 'a file is where a directory should be',
    hint: 'check the path of the storage',
  },
  FSLimitException: {
    what: 'HDFS takes no name that long, or no more files in that directory',
    hint: 'see dfs.namenode.fs-limits.* of the cluster',
  },
  UnsupportedOperationException: {
    what: 'the server does not know this operation',
    hint: 'bkp speaks with WebHDFS of namenodes, not with HttpFS or Knox in front of them',
  },
}

const synonyms: Readonly<Record<string, string>> = {
  SecurityException: 'InvalidToken',
  TokenExpiredException: 'InvalidToken',
  MaxDirectoryItemsExceededException: 'FSLimitException',
  PathComponentTooLongException: 'FSLimitException',
}

const meaningOfException = meaningsByName(meanings, synonyms)

/** What a failure of a request means for the user. */
export function hdfsError(
  failure: unknown,
  doing: string,
  url: string,
  { namenodes }: HdfsPlace,
): BkpError {
  if (failure instanceof BkpError) return failure
  const { what, hint, code = 'storage.failed' } = meaningOf(failure, namenodes)
  return new BkpError(code, `${doing} in ${url}: ${what}`, {
    cause: failure,
    hint,
    details:
      failure instanceof Refusal
        ? { status: failure.status, ...named(failure.exception) }
        : named(codeOf(failure)),
  })
}

function named(exception: string): { readonly hdfs_code?: string } {
  return exception === '' ? {} : { hdfs_code: exception }
}

function meaningOf(failure: unknown, namenodes: readonly string[]): Meaning {
  const message = plain(failure instanceof Error ? failure.message : String(failure))
  if (failure instanceof OddAnswer) return { what: message, hint: proxyHint }
  if (failure instanceof Refusal) return refusal(failure)
  const code = codeOf(failure)
  // Node tells of several addresses tried without any words.
  const what = message === '' ? code : message
  if (judgeFailure(failure) !== 'silent') return noHttp(code, what, 'server', proxyHint)
  const servers = `${namenodes.join(' or ')}, or from a datanode`
  return noAnswer(servers, what, 'check the addresses, the network and that the cluster runs')
}

function refusal(failure: Refusal): Meaning {
  const { exception, status } = failure
  const message = plain(failure.message)
  const known = meaningOfException(exception)
  if (known !== undefined) return { ...known, what: `${known.what} (${exception}: ${message})` }
  if (/could only be written to \d/.test(message)) {
    return {
      code: 'storage.no_space',
      what: `no datanode takes the block (${message})`,
      hint: 'they are full, or down: see hdfs dfsadmin -report',
    }
  }
  if (status === 401) {
    return {
      what: 'the namenode wants to know who asks (Kerberos)',
      hint: 'give the storage a delegation_token: bkp speaks simple authentication and tokens',
    }
  }
  const said = exception === '' ? `status ${status}` : `${exception} (${status})`
  if (judgeFailure(failure) === 'busy') return stillBusy(said, message)
  return {
    what: `the server says ${said}${message === '' ? '' : `: ${message}`}`,
    hint: exception === '' ? proxyHint : 'see what the log of the namenode says about it',
  }
}
