import type { S3Client } from '@aws-sdk/client-s3'

/** The parts of the SDK's messages that are touched here. */
interface SigningArguments {
  readonly input: unknown
  readonly request: unknown
}

/**
 * Signs a body whose sha256 is known by that: the SDK would hash it once more. The server checks
 * the signed sum, too, also one that knows no x-amz-checksum headers.
 */
export function signKnownHashes(client: S3Client): void {
  client.middlewareStack.add(
    next => async args => {
      const { input, request } = args as SigningArguments
      const { Body: body, ChecksumSHA256: known } = input as {
        readonly Body?: unknown
        readonly ChecksumSHA256?: string
      }
      // A URL is signed without a body, and for any.
      if (body !== undefined && known !== undefined) {
        const { headers } = request as { readonly headers: Record<string, string> }
        headers['x-amz-content-sha256'] = Buffer.from(known, 'base64').toString('hex')
      }
      return await next(args)
    },
    { step: 'build', name: 'bkpKnownHashes' },
  )
}
