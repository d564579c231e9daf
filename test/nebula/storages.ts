import { startHdfs } from '../servers/hdfs.ts'
import { startMinio } from '../servers/minio.ts'
import { startOssProcess } from '../servers/oss-server-process.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { startVersitygw } from '../servers/versitygw.ts'
import type { Workspace } from '../slice/bkp.ts'
import { s3Store } from '../slice/s3-store.ts'

/** A server that keeps backups, and what of it only bkp may know. */
export interface Vault {
  /** As the inventory defines it. */
  readonly definition: Readonly<Record<string, unknown>>
  /** What bkp finds in its environment. */
  readonly env: Readonly<Record<string, string>>
  readonly server: { readonly address: string; readonly port: number }
  /** Whether hosts send and get blocks by themselves; they talk to SSH and to each other alone without it. */
  readonly isDirect: boolean
  /** In no process and no file of a host. */
  readonly needles: readonly string[]
  /** Neither printed nor noted by bkp, besides. */
  readonly secrets: readonly string[]
  /** What was begun in the storage and neither ended nor taken back. */
  unfinished(): Promise<readonly string[]>
  stop(): Promise<void>
}

/** Starts a server at an address that hosts of a network reach. */
export type StartVault = (host: string, workspace: Workspace) => Promise<Vault>

const prefix = 'graphs/graph'

const placeOf = (endpoint: string): Vault['server'] => {
  const { hostname, port } = new URL(endpoint)
  return { address: hostname, port: Number(port) }
}

const inS3 =
  (start: (host: string) => Promise<S3Server>): StartVault =>
  async (host, workspace) => {
    const server = await start(host)
    const { definition, env } = s3Store(server, prefix, workspace)
    return Object.freeze({
      ...{ definition, env, server: placeOf(server.endpoint), isDirect: true },
      needles: [server.accessKeyId, server.secretAccessKey, 'X-Amz-Signature'],
      secrets: [server.secretAccessKey],
      unfinished: async () => await server.unfinished(`${prefix}/`),
      stop: server.stop,
    } satisfies Vault)
  }

/** S3 as two servers have it. */
export const onVersitygw: StartVault = inS3(startVersitygw)
export const onMinio: StartVault = inS3(startMinio)

export const onOss: StartVault = async host => {
  const server = await startOssProcess(host)
  const { endpoint, accessKeyId, accessKeySecret } = server
  return Object.freeze({
    definition: {
      ...{ type: 'oss', bucket: 'backups', prefix, region: 'oss-cn-hangzhou', endpoint },
      credentials: { access_key_id: { env: 'KEY_ID' }, access_key_secret: { env: 'KEY' } },
    },
    env: { KEY_ID: accessKeyId, KEY: accessKeySecret },
    ...{ server: placeOf(endpoint), isDirect: true },
    needles: [accessKeyId, accessKeySecret, 'x-oss-signature'],
    secrets: [accessKeySecret],
    unfinished: async () => [],
    stop: server.stop,
  } satisfies Vault)
}

/** Its namenode and datanodes listen where only bkp is: hosts cannot reach them, nor need they. */
export const onHdfs: StartVault = async () => {
  const hdfs = await startHdfs()
  const path = `/${prefix}`
  interface Listing {
    readonly FileStatuses: { readonly FileStatus: readonly { readonly pathSuffix: string }[] }
  }
  return Object.freeze({
    definition: {
      ...{ type: 'hdfs', namenodes: [hdfs.namenode], path, user: hdfs.superuser },
      redirect_hosts: ['127.0.0.2'],
    },
    env: {},
    ...{ server: placeOf(hdfs.namenode), isDirect: false },
    needles: [new URL(hdfs.namenode).host, 'webhdfs'],
    secrets: [],
    unfinished: async () => {
      const found = await hdfs.ask('GET', `${path}/.tmp-uploads`, 'op=LISTSTATUS')
      return (found as Listing).FileStatuses.FileStatus.map(({ pathSuffix }) => pathSuffix)
    },
    stop: hdfs.stop,
  } satisfies Vault)
}
