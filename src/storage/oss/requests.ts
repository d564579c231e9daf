import * as remote from '../remote/requests.ts'
import type { Retrier } from '../retry.ts'
import type { Oss } from './client.ts'
import { judgeFailure, ossError } from './errors.ts'
import type { OssPlace } from './place.ts'

/** How the operations reach the server, through ali-oss. */
export type Requests = remote.Requests<Oss>

export function createRequests(
  place: OssPlace,
  url: string,
  load: () => Promise<Oss>,
  retrier: Retrier,
): Requests {
  return remote.createRequests({
    url,
    bucket: place.bucket,
    prefix: place.prefix,
    load,
    retrier,
    judge: judgeFailure,
    explain: (failure, doing) => ossError(failure, doing, url, place),
  })
}
