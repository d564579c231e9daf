import { everyRequest } from '../every-request.ts'
import { errorXml, reply } from '../trouble.ts'
import { startFakeS3 } from './fake-s3.ts'

everyRequest('S3', startFakeS3, {
  'a conflict of two conditional writes': (request, { response }) =>
    request.headers['if-none-match'] === undefined
      ? undefined
      : reply(response, 409, errorXml('ConditionalRequestConflict')),
  'an error in an answer of status 200': (request, { response, takeEffect }) => {
    if (request.method !== 'POST' || !request.url.searchParams.has('uploadId')) return undefined
    takeEffect()
    return reply(response, 200, errorXml('InternalError'))
  },
})
