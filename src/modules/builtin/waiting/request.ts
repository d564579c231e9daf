import { BkpError } from '../../../base/errors.ts'
import { matchesPattern } from '../../../expression/pattern.ts'

/** What a wait is for; times in seconds, as Ansible has them. */
export interface WaitArguments {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly state?: 'started' | 'stopped' | 'present' | 'absent'
  readonly search_regex?: string
  readonly timeout?: number
  readonly delay?: number
  readonly sleep?: number
  readonly connect_timeout?: number
  readonly msg?: string
}

/** A wait with all that was left out filled in; times in milliseconds. */
export interface WaitRequest {
  readonly host: string
  readonly port: number | undefined
  readonly path: string | undefined
  /** Waits for it to be there, or for it to be gone. */
  readonly present: boolean
  readonly pattern: string | undefined
  readonly timeoutMs: number
  readonly delayMs: number
  readonly sleepMs: number
  readonly connectMs: number
}

function refused(message: string, hint: string): BkpError {
  return new BkpError('step.failed', message, { hint })
}

/** @throws step.failed for arguments that do not go together, or a pattern that is none */
export function waitRequest(args: WaitArguments): WaitRequest {
  const { host = '127.0.0.1', port, path, state = 'started', search_regex: pattern } = args
  const present = state === 'started' || state === 'present'
  if (port !== undefined && path !== undefined) {
    throw refused('wait_for waits for a port or for a path, not for both', 'make two steps of it')
  }
  if (path !== undefined && state === 'stopped') {
    throw refused('state: stopped is for ports', 'state: absent waits until a path is gone')
  }
  if (pattern !== undefined && (!present || (port === undefined && path === undefined))) {
    throw refused(
      'search_regex is for what comes from a port or stands in a file',
      'leave it out, or wait for state: started or present of a port or path',
    )
  }
  if (pattern !== undefined) checkPattern(pattern)
  return {
    host,
    port,
    path,
    present,
    pattern,
    timeoutMs: (args.timeout ?? 300) * 1000,
    delayMs: (args.delay ?? 0) * 1000,
    sleepMs: (args.sleep ?? 1) * 1000,
    connectMs: (args.connect_timeout ?? 5) * 1000,
  }
}

function checkPattern(pattern: string): void {
  try {
    matchesPattern('', pattern)
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw refused(`search_regex cannot be used: ${why}`, 'it is a regular expression as RE2 has it')
  }
}

/** What is waited for, in words: `127.0.0.1:80 to answer`. */
export function waitedFor(request: WaitRequest): string {
  const { port, path, present, pattern } = request
  const matching = pattern === undefined ? '' : ` with a match of ${pattern}`
  if (port !== undefined) {
    return `${request.host}:${port} to ${present ? `answer${matching}` : 'stop answering'}`
  }
  if (path !== undefined) return `${path} to be ${present ? `there${matching}` : 'gone'}`
  return `${request.timeoutMs / 1000} s`
}
