import { secretReference } from '../../base/secret-reference.ts'
import type { StorageBackend, StorageDefinition } from '../backend.ts'
import { credentialsOf } from '../remote/credentials.ts'
import { flagSetting, settingsReader, textSetting } from '../remote/settings.ts'
import { checkedPlace, placeOfUrl, type S3Place, s3Example } from './place.ts'
import { createS3Storage } from './s3.ts'

const properties = {
  bucket: textSetting('The bucket; it must exist.'),
  prefix: textSetting(
    'What every key begins with, without slashes at its ends: one for each repository.',
  ),
  region: textSetting('The region of the bucket; the SDK’s own (AWS_REGION, profile) without it.'),
  endpoint: textSetting('Scheme, host and port of a server other than Amazon’s.'),
  path_style: flagSetting('Ask for endpoint/bucket/key; the rule where there is an endpoint.'),
  profile: textSetting('The profile of ~/.aws/config to take credentials and region from.'),
  credentials: {
    type: 'object',
    description: 'Without them: environment, profile, web identity, container, instance.',
    properties: {
      access_key_id: secretReference('The name of the key.'),
      secret_access_key: secretReference('The key.'),
      session_token: secretReference('The token of temporary credentials.'),
    },
    required: ['access_key_id', 'secret_access_key'],
    additionalProperties: false,
  },
} as const

/** `s3`: a bucket of Amazon S3 or of a server that speaks its protocol. */
export const s3Backend: StorageBackend = Object.freeze({
  type: 's3',
  settings: { type: 'object', properties, required: ['bucket'], additionalProperties: false },
  example: s3Example,
  fromUrl: (url: URL) => createS3Storage(placeOfUrl(url)),
  fromDefinition: definition => createS3Storage(placeOfDefinition(definition)),
} satisfies StorageBackend)

/** The place an inventory defines. */
function placeOfDefinition(definition: StorageDefinition): S3Place {
  const read = settingsReader(definition, Object.keys(properties))
  return checkedPlace(
    {
      bucket: '',
      prefix: '',
      ...read.texts('bucket', 'prefix', 'region', 'endpoint', 'profile'),
      ...read.flag('path_style', 'pathStyle'),
    },
    credentialsOf(
      definition,
      { access_key_id: 'accessKeyId', secret_access_key: 'secretAccessKey' },
      { session_token: 'sessionToken' },
    ),
  )
}
