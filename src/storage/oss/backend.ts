import { secretReference } from '../../base/secret-reference.ts'
import type { StorageBackend, StorageDefinition } from '../backend.ts'
import { credentialsOf } from '../remote/credentials.ts'
import { flagSetting, settingsReader, textSetting } from '../remote/settings.ts'
import { createOssStorage } from './oss.ts'
import { checkedPlace, type OssPlace, ossExample, placeOfUrl } from './place.ts'

const properties = {
  bucket: textSetting('The bucket; it must exist, without versioning.'),
  prefix: textSetting(
    'What every key begins with, without slashes at its ends: one for each repository.',
  ),
  region: textSetting('The region of the bucket, such as oss-cn-hangzhou; OSS_REGION without it.'),
  endpoint: textSetting('Scheme, host and port of a server that the region does not name.'),
  internal: flagSetting('Ask the region’s address inside Alibaba Cloud.'),
  cname: flagSetting('The endpoint is a domain of the bucket’s own.'),
  path_style: flagSetting(
    'Ask for endpoint/bucket/key; the rule where the endpoint is an IP address.',
  ),
  authorization: {
    enum: ['v1', 'v4'],
    description: 'How requests are signed: v4, or v1 for servers that know nothing else.',
  },
  credentials: {
    type: 'object',
    description: 'Without them: OSS_ACCESS_KEY_ID and so on of the environment.',
    properties: {
      access_key_id: secretReference('The name of the key.'),
      access_key_secret: secretReference('The key.'),
      security_token: secretReference('The token of temporary credentials (STS).'),
    },
    required: ['access_key_id', 'access_key_secret'],
    additionalProperties: false,
  },
} as const

/** `oss`: a bucket of Alibaba Cloud's Object Storage Service. */
export const ossBackend: StorageBackend = Object.freeze({
  type: 'oss',
  settings: { type: 'object', properties, required: ['bucket'], additionalProperties: false },
  example: ossExample,
  fromUrl: (url: URL) => createOssStorage(placeOfUrl(url)),
  fromDefinition: definition => createOssStorage(placeOfDefinition(definition)),
} satisfies StorageBackend)

/** The place an inventory defines. */
function placeOfDefinition(definition: StorageDefinition): OssPlace {
  const read = settingsReader(definition, Object.keys(properties))
  return checkedPlace(
    {
      bucket: '',
      prefix: '',
      ...read.texts('bucket', 'prefix', 'region', 'endpoint', 'authorization'),
      ...read.flag('internal'),
      ...read.flag('cname'),
      ...read.flag('path_style', 'pathStyle'),
    },
    credentialsOf(
      definition,
      { access_key_id: 'accessKeyId', access_key_secret: 'accessKeySecret' },
      { security_token: 'securityToken' },
    ),
  )
}
