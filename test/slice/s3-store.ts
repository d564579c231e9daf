import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import type { S3Server } from '../servers/s3-server.ts'
import type { Workspace } from './bkp.ts'
import type { FleetStore } from './fleet.ts'

/** A fleet's backups in an S3 server, below a prefix; bkp has the credentials in its environment. */
export function s3Store(server: S3Server, prefix: string, { folder }: Workspace): FleetStore {
  const { endpoint, bucket, client } = server
  const copy = join(folder, 'copy')
  const list = async () => {
    const found: { readonly key: string; readonly facts: string }[] = []
    const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}/` })
    for await (const { Contents = [] } of pages) {
      for (const { Key = '', ETag, LastModified } of Contents) {
        found.push({ key: Key, facts: `${ETag} ${LastModified?.toISOString()}` })
      }
    }
    return found
  }
  return Object.freeze({
    definition: {
      type: 's3',
      bucket,
      prefix,
      region: 'us-east-1',
      endpoint,
      credentials: {
        access_key_id: { env: 'AWS_ACCESS_KEY_ID' },
        secret_access_key: { env: 'AWS_SECRET_ACCESS_KEY' },
      },
    },
    url: `s3://${bucket}/${prefix}?endpoint=${endpoint}&region=us-east-1`,
    env: {
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    folder: async () => {
      rmSync(copy, { recursive: true, force: true })
      for (const { key } of await list()) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
        const path = join(copy, key.slice(prefix.length + 1))
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, (await Body?.transformToByteArray()) ?? '')
      }
      return copy
    },
    state: list,
  } satisfies FleetStore)
}
