import { BkpError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { secretReference } from '../../base/secret-reference.ts'
import { didYouMean } from '../../base/text.ts'
import type { StorageBackend, StorageDefinition } from '../backend.ts'
import { textSetting } from '../remote/settings.ts'
import { createHdfsStorage } from './hdfs.ts'
import { checkedPlace, type HdfsPlace, hdfsExample, placeOfUrl } from './place.ts'

const texts = (description: string): Readonly<Record<string, unknown>> => ({
  type: 'array',
  items: { type: 'string', minLength: 1 },
  minItems: 1,
  description,
})

const properties = {
  namenodes: texts('Scheme, host and port of the web address (WebHDFS) of each namenode.'),
  path: textSetting('The directory that holds the objects: one for each repository.'),
  user: textSetting('Who asks, where the cluster believes it; HDFS says dr.who without.'),
  delegation_token: secretReference('Says who asks, instead of `user`; secured clusters want one.'),
  redirect_hosts: texts(
    'Hosts of datanodes, `*` for any characters; those of the namenodes need not be named.',
  ),
} as const

const example = 'write { type: hdfs, namenodes: [http://nn1:9870], path: /backups/graph }'

/** `hdfs`: a directory of a Hadoop cluster, reached by WebHDFS. */
export const hdfsBackend: StorageBackend = Object.freeze({
  type: 'hdfs',
  settings: {
    type: 'object',
    properties,
    required: ['namenodes', 'path'],
    additionalProperties: false,
  },
  example: hdfsExample,
  fromUrl: (url: URL) => createHdfsStorage(placeOfUrl(url)),
  fromDefinition: definition => createHdfsStorage(placeOfDefinition(definition)),
} satisfies StorageBackend)

/** The place an inventory defines; the schema has said most of what is wrong, with its line. */
function placeOfDefinition({ type: _type, ...settings }: StorageDefinition): HdfsPlace {
  for (const setting of Object.keys(settings)) {
    if (setting in properties) continue
    throw new BkpError('usage.invalid', `an hdfs storage has no option "${setting}"`, {
      hint: didYouMean(setting, Object.keys(properties)) ?? example,
    })
  }
  const { namenodes, path, user, delegation_token: token, redirect_hosts: hosts } = settings
  if (typeof path !== 'string' || !(user === undefined || typeof user === 'string')) {
    throw new BkpError('usage.invalid', 'path and user of an hdfs storage are text', {
      hint: example,
    })
  }
  if (token !== undefined && !(token instanceof Secret)) {
    throw new BkpError('usage.invalid', 'delegation_token of an hdfs storage is a secret')
  }
  return checkedPlace(
    {
      namenodes: listOf(namenodes, 'namenodes'),
      path,
      ...(user === undefined ? {} : { user }),
      redirectHosts: listOf(hosts ?? [], 'redirect_hosts'),
    },
    token,
  )
}

function listOf(value: unknown, name: string): readonly string[] {
  const isList = Array.isArray(value) && value.every(each => typeof each === 'string')
  if (isList) return value
  throw new BkpError('usage.invalid', `${name} of an hdfs storage is a list of texts`, {
    hint: example,
  })
}
