import { BkpError } from '../../base/errors.ts'
import { OddAnswer, plainText } from '../remote/answers.ts'
import { brokenConnection, busyStatuses, noConnection } from '../remote/network.ts'
import type { Verdict } from '../retry.ts'

/** A refusal as HDFS words it (`RemoteException`), or a status that comes without one. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** The simple name of the Java exception; '' where the answer had none. */
  readonly exception: string
  readonly status: number

  constructor(status: number, exception: string, message: string) {
    super(message)
    this.status = status
    this.exception = exception
  }
}

/** Half an answer, or none: the request may have taken effect. */
export function lostAnswer(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' })
}

/** The Java exception that a failure names; '' for other failures. */
export function exceptionOf(failure: unknown): string {
  return failure instanceof Refusal ? failure.exception : ''
}

/** The errno name, or Node's own. */
export function codeOf(failure: unknown): string {
  const code =
    typeof failure === 'object' && failure !== null && 'code' in failure ? failure.code : undefined
  return typeof code === 'string' ? code : ''
}

/** Text of a server: its first line (a Java stack follows), not too long, no tokens. */
export function plain(text: string): string {
  const [line = ''] = text.split(/\r?\n/, 1)
  const named = line.replace(/((?:delegation|token)=)[^&\s"']+/gi, '$1••••')
  return plainText(named)
}

/** Said by a namenode that is not the active one, or that is about to become it. */
const elsewhere: readonly string[] = ['StandbyException', 'RetriableException']

/** Nothing was asked, and another namenode can be. */
const unasked: readonly string[] = [...noConnection, 'ERR_CONNECT_TIMEOUT']
const silent: readonly string[] = [...unasked, ...brokenConnection, 'ESOCKETTIMEDOUT']

/** True where the other namenode may do what this one did not even begin. */
export function isForAnother(failure: unknown): boolean {
  return elsewhere.includes(exceptionOf(failure)) || unasked.includes(codeOf(failure))
}

/** True where no answer came, or only part of one. */
export function isSilence(failure: unknown): boolean {
  return silent.includes(codeOf(failure))
}

const busyExceptions: readonly string[] = [
  ...elsewhere,
  'SafeModeException',
  'ServerTooBusyException',
  'RejectedExecutionException',
  'NoRouteToHostException',
  'ConnectException',
  'SocketTimeoutException',
  'ConnectTimeoutException',
]
/** Plain IOExceptions that pass: a datanode is gone, and the namenode does not know it yet. */
const passing =
  /could only be written to \d|find datanode|No active nodes|All datanodes|Could not obtain block/i

/** Whether it may help to try again. */
export function judgeFailure(failure: unknown): Verdict {
  if (failure instanceof BkpError || failure instanceof OddAnswer) return 'final'
  if (failure instanceof Refusal) {
    const { status, exception, message } = failure
    if (busyExceptions.includes(exception) || passing.test(message)) return 'busy'
    if (exception === 'AccessControlException' || exception === 'SecurityException') return 'final'
    return busyStatuses.includes(status) ? 'busy' : 'final'
  }
  return isSilence(failure) ? 'silent' : 'final'
}

/** What says that there is nothing at a path; a file above it means the same. */
export function isAbsence(failure: unknown): boolean {
  const exception = exceptionOf(failure)
  if (exception === 'FileNotFoundException' || exception === 'ParentNotDirectoryException') {
    return true
  }
  // Said of a path that leads through a file.
  return exception === 'AccessControlException' && /\(is not a directory\)/.test(`${failure}`)
}
