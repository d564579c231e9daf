import { BkpError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Presigned, PresignRequest } from '../contract.ts'
import type { Sdk } from './client.ts'

/** S3's limit. */
const longestSeconds = 7 * 24 * 3600

/**
 * A URL that lets whoever holds it put or get one object for a while. What a put must obey (the sum,
 * "only if absent") is signed as headers: in the query, servers ignore it.
 */
export async function signUrl(
  { client, commands, bucket }: Sdk,
  name: string,
  { method, sha256, ifAbsent, expiresInSeconds }: PresignRequest,
): Promise<Presigned> {
  if (!(expiresInSeconds > 0 && expiresInSeconds <= longestSeconds)) {
    throw new BkpError('internal', `a URL cannot be valid for ${expiresInSeconds} seconds`)
  }
  const headers: Record<string, string> = {}
  if (method === 'PUT' && sha256 !== undefined) {
    headers['x-amz-checksum-sha256'] = Buffer.from(sha256).toString('base64')
  }
  if (method === 'PUT' && ifAbsent === true) headers['if-none-match'] = '*'
  const names = Object.keys(headers)
  const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
  const object = { Bucket: bucket, Key: name }
  const sum = headers['x-amz-checksum-sha256']
  const options = {
    expiresIn: expiresInSeconds,
    unhoistableHeaders: new Set(names),
    signableHeaders: new Set(['host', ...names]),
  }
  const signed =
    method === 'GET'
      ? await getSignedUrl(client, new commands.GetObjectCommand(object), options)
      : await getSignedUrl(
          client,
          new commands.PutObjectCommand({
            ...object,
            ...(sum === undefined ? {} : { ChecksumSHA256: sum }),
            ...(ifAbsent === true ? { IfNoneMatch: '*' } : {}),
          }),
          options,
        )
  return Object.freeze({ url: new Secret(signed), headers: Object.freeze(headers) })
}
