import { BkpError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import type { Presigned, PresignRequest } from '../contract.ts'
import { nameOfNoHost, type Oss } from './client.ts'
import { isNumeric, type OssPlace } from './place.ts'

/** The limit of version 4. */
const longestSeconds = 7 * 24 * 3600

/**
 * A URL that lets whoever holds it put or get one object for a while. What a put must obey (the sum,
 * "only if absent") are signed headers. The sum is an MD5: OSS checks no sha256, nor the body against
 * its signature.
 */
export async function signUrl(
  oss: Oss,
  place: OssPlace,
  name: string,
  { method, md5, ifAbsent, expiresInSeconds: expires }: PresignRequest,
): Promise<Presigned> {
  if (!(Number.isInteger(expires) && expires > 0 && expires <= longestSeconds)) {
    throw new BkpError('internal', `a URL cannot be valid for ${expires} seconds`)
  }
  const headers: Record<string, string> = {}
  if (method === 'PUT' && md5 !== undefined) {
    headers['content-md5'] = Buffer.from(md5).toString('base64')
  }
  if (method === 'PUT' && ifAbsent === true) headers['x-oss-forbid-overwrite'] = 'true'
  const signed =
    place.authorization === 'v4'
      ? await oss.client.signatureUrlV4(method, expires, { headers }, name)
      : signedV1(oss, place, name, { method, expires, ...headers })
  return Object.freeze({ url: new Secret(signed), headers: Object.freeze(headers) })
}

/** ali-oss signs for no IP address: there it signs for a name, which the signature does not cover. */
function signedV1(
  { client, signer }: Oss,
  { endpoint }: OssPlace,
  name: string,
  options: Readonly<Record<string, unknown>>,
): string {
  if (endpoint === undefined || !isNumeric(endpoint)) return client.signatureUrl(name, options)
  return endpoint + signer.signatureUrl(name, options).slice(nameOfNoHost.length)
}
