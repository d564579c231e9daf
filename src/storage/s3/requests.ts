import * as remote from '../remote/requests.ts'
import type { Retrier } from '../retry.ts'
import type { Sdk } from './client.ts'
import { judgeFailure, s3Error } from './errors.ts'
import type { S3Place } from './place.ts'

/** How the operations reach the server, through the SDK. */
export type Requests = remote.Requests<Sdk>

export function createRequests(
  place: S3Place,
  url: string,
  load: () => Promise<Sdk>,
  retrier: Retrier,
): Requests {
  return remote.createRequests({
    url,
    bucket: place.bucket,
    prefix: place.prefix,
    load,
    retrier,
    judge: judgeFailure,
    explain: (failure, doing) => s3Error(failure, doing, url, place),
  })
}
