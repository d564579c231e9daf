import { errorXml, reply, type Trouble } from '../trouble.ts'

/** What S3 answers and others do not. */
export const ownTroubles: Readonly<Record<string, Trouble>> = {
  'a conflict of two conditional writes': (request, { response }) =>
    request.headers['if-none-match'] === undefined
      ? undefined
      : reply(response, 409, errorXml('ConditionalRequestConflict')),
  'an error in an answer of status 200': (request, { response, takeEffect }) => {
    if (request.method !== 'POST' || !request.url.searchParams.has('uploadId')) return undefined
    takeEffect()
    return reply(response, 200, errorXml('InternalError'))
  },
}
