import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import { Secret } from '../../base/secret.ts'
import { checkedRegion, type OssCredentials, type OssPlace, regionOfEndpoint } from './place.ts'
import type { OssClient, OssClientOptions } from './sdk.ts'
import { createTransport, type Transport } from './transport.ts'

/** ali-oss, loaded, for one place. */
export interface Oss {
  readonly client: OssClient
  /** ... and for URLs of version 1, which it signs for names of hosts only. */
  readonly signer: OssClient
  readonly transport: Transport
  readonly bucket: string
}

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface LoadTools {
  readonly clock: Clock
  readonly silenceMs: number
  readonly environment: Environment
}

/** Stands for the endpoint where ali-oss would not sign for it: signatures leave the host out. */
export const nameOfNoHost = 'http://name.invalid'

/**
 * ali-oss for a place. Loading it takes long: only a run that uses OSS pays for it.
 * @throws storage.failed without a region, or without credentials
 */
export async function loadOss(place: OssPlace, tools: LoadTools): Promise<Oss> {
  const { clock, silenceMs, environment } = tools
  const { endpoint, bucket, internal, cname, pathStyle, authorization } = place
  const region = regionOf(place, environment)
  const credentials = place.credentials ?? credentialsOf(environment)
  const { createOssClient } = await import('./sdk.ts')
  const transport = await createTransport(clock, silenceMs)
  const { accessKeyId, accessKeySecret, securityToken } = credentials
  const options: OssClientOptions = {
    accessKeyId: accessKeyId.reveal(),
    accessKeySecret: accessKeySecret.reveal(),
    ...(securityToken === undefined ? {} : { stsToken: securityToken.reveal() }),
    bucket,
    region,
    internal,
    ...(endpoint === undefined ? {} : { endpoint }),
    cname,
    sldEnable: pathStyle,
    authorizationV4: authorization === 'v4',
  }
  return Object.freeze({
    client: createOssClient(options, transport),
    signer: createOssClient({ ...options, endpoint: nameOfNoHost }, transport),
    transport,
    bucket,
  })
}

/** Signatures name the region, and without an endpoint it says where the server is. */
function regionOf({ region, endpoint, authorization }: OssPlace, environment: Environment): string {
  const known =
    region ?? (endpoint === undefined ? undefined : regionOfEndpoint(endpoint)) ?? read(environment)
  if (known !== undefined) return known
  // Version 1 does not name it, and the endpoint is known.
  if (endpoint !== undefined && authorization === 'v1') return 'oss-cn-hangzhou'
  throw new BkpError('storage.failed', 'the region of the oss storage is not known', {
    hint: 'give the storage a `region` such as oss-cn-hangzhou, or export OSS_REGION',
  })
}

function read(environment: Environment): string | undefined {
  const region = environment['OSS_REGION']
  return region === undefined || region === '' ? undefined : checkedRegion(region)
}

/** As Alibaba's own tools name them: ossutil and the SDKs, then the command line of the cloud. */
const families = [
  ['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET', 'OSS_SESSION_TOKEN'],
  [
    'ALIBABA_CLOUD_ACCESS_KEY_ID',
    'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    'ALIBABA_CLOUD_SECURITY_TOKEN',
  ],
] as const

/** All of one family: the key of one with the token of the other would be refused. */
function credentialsOf(environment: Environment): OssCredentials {
  const said = (name: string): string => environment[name] ?? ''
  for (const [id, secret, token] of families) {
    if (said(id) === '' || said(secret) === '') continue
    return {
      accessKeyId: new Secret(said(id)),
      accessKeySecret: new Secret(said(secret)),
      ...(said(token) === '' ? {} : { securityToken: new Secret(said(token)) }),
    }
  }
  throw new BkpError('storage.failed', 'no credentials of OSS were found', {
    hint: 'give the storage `credentials` in the inventory, or export OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET',
  })
}
