import type { S3Client } from '@aws-sdk/client-s3'
import type { Clock } from '../../base/clock.ts'
import { answerBody, errorBody } from '../remote/answers.ts'
import { createTimeWatch, type TimeWatch } from '../remote/watch.ts'

interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  body: unknown
}

/**
 * Bounds what is read of an answer before the SDK parses it: a huge error or a document type with
 * entities never reaches a parser. Bodies of objects are left to their reader.
 */
export function boundAnswers(client: S3Client, clock: Clock): TimeWatch {
  const watch = createTimeWatch(clock)
  client.middlewareStack.add(
    (next, context) => async args => {
      const result = await next(args)
      const response = result.response as Answer
      watch.note(response.headers['date'])
      if (response.statusCode >= 300) {
        response.body = await errorBody(response.body)
      } else if (context['commandName'] !== 'GetObjectCommand') {
        response.body = await answerBody(response.body)
      }
      return result
    },
    // Innermost: the first to see what came from the wire.
    { step: 'deserialize', priority: 'low', name: 'bkpBoundAnswers' },
  )
  return watch
}
