/** Codes of graphd that something hangs on: 2.0.x had a numbering of its own (specs/nebula.md §1.3). */
const namesBy: ReadonlyMap<number, string> = new Map([
  [-1, 'E_DISCONNECTED'],
  [-2, 'E_FAIL_TO_CONNECT'],
  [-3, 'E_RPC_FAILURE'],
  // 2.0.0 and 2.0.1: later graphds answer none of these, they say E_EXECUTION_ERROR instead.
  [-4, 'E_BAD_USERNAME_PASSWORD'],
  [-5, 'E_SESSION_INVALID'],
  [-6, 'E_SESSION_TIMEOUT'],
  [-7, 'E_SYNTAX_ERROR'],
  [-8, 'E_EXECUTION_ERROR'],
  [-9, 'E_STATEMENT_EMPTY'],
  [-10, 'E_USER_NOT_FOUND'],
  [-11, 'E_BAD_PERMISSION'],
  [-12, 'E_SEMANTIC_ERROR'],
  [-13, 'E_TOO_MANY_CONNECTIONS'],
  [-14, 'E_PARTIAL_SUCCEEDED'],
  [-1001, 'E_BAD_USERNAME_PASSWORD'],
  [-1002, 'E_SESSION_INVALID'],
  [-1003, 'E_SESSION_TIMEOUT'],
  [-1004, 'E_SYNTAX_ERROR'],
  [-1005, 'E_EXECUTION_ERROR'],
  [-1006, 'E_STATEMENT_EMPTY'],
  [-1008, 'E_BAD_PERMISSION'],
  [-1009, 'E_SEMANTIC_ERROR'],
  [-1010, 'E_TOO_MANY_CONNECTIONS'],
  [-1011, 'E_PARTIAL_SUCCEEDED'],
])

/** The name of a code of graphd, of any generation; `error -17` of one that is not known. */
export function graphCodeName(code: number): string {
  return namesBy.get(code) ?? `error ${code}`
}

/** graphd does not know the session any longer: it was idle too long, or graphd was restarted. */
export function isSessionLost(code: number): boolean {
  const name = namesBy.get(code)
  return name === 'E_SESSION_INVALID' || name === 'E_SESSION_TIMEOUT'
}

/** What to do about a code of graphd. */
export function graphHint(code: number): string | undefined {
  switch (namesBy.get(code)) {
    case 'E_BAD_USERNAME_PASSWORD':
    case 'E_USER_NOT_FOUND':
      return 'give user and password of the cluster in the inventory; after a full restore they are those of the time of the backup'
    case 'E_BAD_PERMISSION':
      return 'it needs a user with the role GOD, such as root, where --enable_authorize=true'
    case 'E_TOO_MANY_CONNECTIONS':
      return 'graphd has as many sessions as it takes: SHOW SESSIONS tells whose'
    case 'E_RPC_FAILURE':
    case 'E_DISCONNECTED':
    case 'E_FAIL_TO_CONNECT':
      return 'graphd could not reach metad or a storaged: run nebula.check'
    default:
      return undefined
  }
}
