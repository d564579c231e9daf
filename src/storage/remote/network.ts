/** Statuses of HTTP that ask for patience. */
export const busyStatuses: readonly number[] = [408, 429, 500, 502, 503, 504]

/** Codes of Node: no connection came about, nothing was asked. */
export const noConnection: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
]

/** Codes of Node: the connection broke or fell silent; what was asked may have taken effect. */
export const brokenConnection: readonly string[] = [
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]
